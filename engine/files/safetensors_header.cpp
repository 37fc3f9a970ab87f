// SPDX-License-Identifier: Apache-2.0
// The header is parsed event by event, without a document in memory: a hostile header of 100 MB then costs no more than
// its own length, and a key seen twice is noticed where a document would have silently kept one.
#include <lumigrad/engine/error.h>
#include <lumigrad/engine/files/safetensors_header.h>

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

namespace lumigrad {

namespace {

class HeaderEvents : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader header;
  std::map<std::string, std::string> remarks;

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::outside:
        place_ = Place::top;
        return true;
      case Place::name:
        place_ = metadata_ ? Place::remarks : Place::fields;
        return true;
      default:
        refuse("an object");
    }
  }

  bool key(std::string& text) override {
    switch (place_) {
      case Place::top:
        if (!names_.insert(text).second) refuse_twice(text);
        metadata_ = text == "__metadata__";
        if (!metadata_) {
          header.entries.emplace_back().name = text;
          has_dtype_ = has_shape_ = false;
          offsets_.reset();
        }
        place_ = Place::name;
        return true;
      case Place::remarks:
        if (!remarks.emplace(text, "").second) refuse_twice(text);
        remark_ = text;
        place_ = Place::remark;
        return true;
      case Place::fields:
        if (text == "dtype" && !has_dtype_)
          place_ = Place::dtype;
        else if (text == "shape" && !has_shape_)
          place_ = Place::shape;
        else if (text == "data_offsets" && !offsets_)
          place_ = Place::offsets;
        else
          refuse_twice(text);
        return true;
      default:
        refuse("a key");
    }
  }

  bool string(std::string& text) override {
    if (place_ == Place::remark) {
      remarks[remark_] = text;
      place_ = Place::remarks;
    } else if (place_ == Place::dtype) {
      header.entries.back().dtype = text;
      has_dtype_ = true;
      place_ = Place::fields;
    } else {
      refuse("a text");
    }
    return true;
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::shape) {
      has_shape_ = true;
      place_ = Place::extents;
    } else if (place_ == Place::offsets) {
      offsets_.emplace();
      place_ = Place::offset_pair;
    } else {
      refuse("a list");
    }
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (place_ == Place::extents) {
      auto& shape = header.entries.back().shape;
      require<FormatError>(shape.size() < 8, "safetensors: expected at most 8 axes in ", name());
      shape.push_back(value);
    } else if (place_ == Place::offset_pair) {
      require<FormatError>(offsets_->size() < 2, "safetensors: expected two data_offsets in ", name());
      offsets_->push_back(value);
    } else {
      refuse("a number");
    }
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offset_pair)
      require<FormatError>(offsets_->size() == 2, "safetensors: expected two data_offsets in ", name());
    place_ = Place::fields;
    return true;
  }

  bool end_object() override {
    if (place_ == Place::fields) {
      require<FormatError>(has_dtype_ && has_shape_ && offsets_,
                           "safetensors: expected dtype, shape and data_offsets in ", name());
      header.entries.back().begin = (*offsets_)[0];
      header.entries.back().end = (*offsets_)[1];
    }
    place_ = place_ == Place::top ? Place::done : Place::top;
    return true;
  }

  bool null() override { refuse("null"); }
  bool boolean(bool) override { refuse("a truth value"); }
  bool number_integer(std::int64_t) override { refuse("a negative number"); }
  bool number_float(double, const std::string&) override { refuse("a number that is not a size"); }
  bool binary(nlohmann::json::binary_t&) override { refuse("binary data"); }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
    throw FormatError(message("safetensors: the header is not valid JSON at byte ", position));
  }

 private:
  // Where the next event falls.
  enum class Place { outside, top, name, remarks, remark, fields, dtype, shape, extents, offsets, offset_pair, done };

  std::string name() const {
    return header.entries.empty() ? std::string("the header") : '"' + header.entries.back().name.substr(0, 80) + '"';
  }
  [[noreturn]] void refuse(const char* found) const {
    throw FormatError(message("safetensors: unexpected ", found, " in ", metadata_ ? "__metadata__" : name()));
  }
  [[noreturn]] void refuse_twice(const std::string& key) const {
    throw FormatError(message("safetensors: unknown or repeated key \"", key.substr(0, 80), "\""));
  }

  Place place_ = Place::outside;
  bool metadata_ = false, has_dtype_ = false, has_shape_ = false;
  std::optional<std::vector<std::uint64_t>> offsets_;
  std::string remark_;
  std::set<std::string> names_;
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view text) {
  // The first rule keeps a byte-order mark out, the second what the JSON reader would take for the end of its input.
  require<FormatError>(text.starts_with('{'), "safetensors: expected a header that begins with {");
  require<FormatError>(text.find('\0') == std::string_view::npos, "safetensors: the header holds a zero byte");
  HeaderEvents events;
  nlohmann::json::sax_parse(text.begin(), text.end(), &events);
  events.header.metadata = {events.remarks.begin(), events.remarks.end()};
  return std::move(events.header);
}

std::string json_quoted(const std::string& text) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::exception&) {
    throw FormatError("safetensors: expected names and remarks in UTF-8");
  }
}

}  // namespace lumigrad
