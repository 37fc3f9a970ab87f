// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/files/npy_header.h>

namespace lumigrad {

namespace {

constexpr const char* format = "npy";
constexpr std::uint64_t most_header_bytes = 65536;

//   dictionary = "{" [ entry { "," entry } [ "," ] ] "}"        entry = text ":" ( text | truth | tuple )
//   tuple      = "(" [ number { "," number } [ "," ] ] ")"      text  = "'" characters "'" | '"' characters '"'
class HeaderText {
 public:
  explicit HeaderText(ByteReader reader) : reader_(reader) {}

  NpyHeader parse() {
    NpyHeader header;
    bool has_descr = false, has_order = false, has_shape = false;
    expect('{');
    while (!accept('}')) {
      const std::string_view key = text();
      expect(':');
      if (key == "descr" && !std::exchange(has_descr, true))
        descr(header);
      else if (key == "fortran_order" && !std::exchange(has_order, true))
        header.fortran_order = truth();
      else if (key == "shape" && !std::exchange(has_shape, true))
        header.shape = tuple();
      else
        throw FormatError(message(format, ": unknown or repeated key in the header"));
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    require<FormatError>(has_descr && has_order && has_shape, format,
                         ": expected descr, fortran_order and shape in the header");
    blanks();
    require<FormatError>(reader_.at_end(), format, ": the header goes on behind its dictionary");
    return header;
  }

 private:
  void blanks() {
    while (reader_.peek() == ' ' || reader_.peek() == '\n' || reader_.peek() == '\t' || reader_.peek() == '\r')
      reader_.skip(1);
  }
  bool accept(char wanted) {
    blanks();
    if (reader_.peek() != wanted) return false;
    reader_.skip(1);
    return true;
  }
  void expect(char wanted) {
    require<FormatError>(accept(wanted), format, ": expected '", std::string(1, wanted), "' at byte ",
                         reader_.position(), " of the header");
  }
  std::string_view text() {
    blanks();
    const char quote = reader_.peek() == '"' ? '"' : '\'';
    expect(quote);
    ByteReader start = reader_;
    std::uint64_t length = 0;
    while (reader_.peek() != quote) {
      require<FormatError>(reader_.peek() != '\\', format, ": an escape in the header");
      reader_.skip(1);
      ++length;
    }
    reader_.skip(1);
    return start.text(length);
  }
  bool truth() {
    blanks();
    const bool value = reader_.peek() == 'T';
    const std::string_view wanted = value ? "True" : "False";
    require<FormatError>(reader_.remaining() >= wanted.size() && reader_.text(wanted.size()) == wanted, format,
                         ": expected True or False in the header");
    return value;
  }
  std::vector<std::uint64_t> tuple() {
    std::vector<std::uint64_t> numbers;
    expect('(');
    while (!accept(')')) {
      require<FormatError>(numbers.size() < 8, format, ": expected at most 8 axes");
      numbers.push_back(number());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return numbers;
  }
  std::uint64_t number() {
    blanks();
    std::uint64_t value = 0;
    bool any = false;
    for (int c = reader_.peek(); c >= '0' && c <= '9'; c = reader_.peek(), any = true) {
      value = checked_add(format, checked_mul(format, value, 10), static_cast<std::uint64_t>(c - '0'));
      reader_.skip(1);
    }
    require<FormatError>(any, format, ": expected a whole number >= 0 in shape");
    if (reader_.peek() == 'L') reader_.skip(1);  // as Python 2 wrote it
    return value;
  }
  void descr(NpyHeader& header) {
    blanks();
    require<FormatError>(reader_.peek() != '[', format, ": arrays of records are not supported");
    std::string_view type = text();
    if (!type.empty() && std::string_view("<>|=").find(type[0]) != std::string_view::npos) {
      header.order = type[0] == '>' ? ByteOrder::big : ByteOrder::little;
      type.remove_prefix(1);
    }
    constexpr std::pair<const char*, Stored> types[] = {
        {"f2", DType::f16},       {"f4", DType::f32},        {"f8", DType::f64},          {"u1", DType::u8},
        {"u2", DType::u16},       {"i4", DType::i32},        {"i8", DType::i64},          {"b1", DType::boolean},
        {"i1", Stored::signed_8}, {"i2", Stored::signed_16}, {"u4", Stored::unsigned_32}, {"u8", Stored::unsigned_64},
    };
    for (const auto& [name, stored] : types) {
      if (type != name) continue;
      header.stored = stored;
      return;
    }
    require<FormatError>(!type.starts_with("O"), format, ": object arrays are refused (they hold programs)");
    throw FormatError(message(format, ": numbers of type \"", printable(type.substr(0, 20)), "\" are not supported"));
  }
  static std::string printable(std::string_view text) {
    std::string shown(text);
    for (char& c : shown)
      if (c < 32 || c > 126) c = '?';
    return shown;
  }

  ByteReader reader_;
};

}  // namespace

NpyHeader read_npy_header(ByteReader& reader) {
  require<FormatError>(reader.remaining() >= 8 && reader.text(6) == "\x93NUMPY", format,
                       ": expected a file that begins with \\x93NUMPY");
  const int major = reader.read<std::uint8_t>();
  const int minor = reader.read<std::uint8_t>();
  require<FormatError>(major >= 1 && major <= 3 && minor == 0, format, ": version ", major, ".", minor,
                       " is not supported (1.0 to 3.0 are)");
  const std::uint64_t length = major == 1 ? reader.read<std::uint16_t>() : reader.read<std::uint32_t>();
  require<FormatError>(length <= most_header_bytes, format, ": a header of ", length, " bytes, at most ",
                       most_header_bytes);
  const ByteReader header = reader.part(reader.position(), length);
  reader.skip(length);
  return HeaderText(header).parse();
}

std::string npy_header(DType dtype, const Shape& shape) {
  const char* descr = "";
  switch (dtype) {
    case DType::f32:
      descr = "<f4";
      break;
    case DType::f64:
      descr = "<f8";
      break;
    case DType::f16:
      descr = "<f2";
      break;
    case DType::bf16:
      throw DTypeError("npy: there is no bf16 in this format");
    case DType::u8:
      descr = "|u1";
      break;
    case DType::u16:
      descr = "<u2";
      break;
    case DType::i32:
      descr = "<i4";
      break;
    case DType::i64:
      descr = "<i8";
      break;
    case DType::boolean:
      descr = "|b1";
      break;
  }
  std::string text = message("{'descr': '", descr, "', 'fortran_order': False, 'shape': (");
  for (int i = 0; i < shape.rank(); ++i) text.append(i ? ", " : "").append(to_string(shape[i]));
  text += shape.rank() == 1 ? ",), }" : "), }";
  // numpy leaves room for the first extent to grow in place
  if (shape.rank() > 0) text.append(21 - to_string(shape[0]).size(), ' ');
  constexpr std::size_t before = 10;
  text.append(63 - (before + text.size()) % 64, ' ');
  text += '\n';
  std::string head("\x93NUMPY\x01\x00", 8);
  append_number(head, static_cast<std::uint16_t>(text.size()));
  return head + text;
}

}  // namespace lumigrad
