// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/einsum.h>
#include <lumigrad/engine/families/gather.h>
#include <lumigrad/engine/ops.h>
#include <lumigrad/engine/requirements.h>
#include <algorithm>
#include <array>
#include <cctype>

namespace lumigrad {
namespace {

using Letters = std::string;  // one an axis; '0', '1', .. are the axes of an ellipsis, counted from the last

struct Term {
  Tensor value;
  Letters letters;
};

constexpr int not_found = -1;
int place(const Letters& letters, char letter) {
  const auto at = letters.find(letter);
  return at == Letters::npos ? not_found : static_cast<int>(at);
}

// The axes' letters in some order, as an order of axes.
std::vector<int> order_of(const Letters& from, const Letters& to) {
  std::vector<int> order;
  for (const char letter : to) order.push_back(place(from, letter));
  return order;
}

[[noreturn]] void refuse(std::string_view wanted, std::string_view equation) {
  throw FormatError(message("einsum: expected ", wanted, ", got \"", std::string(equation), "\""));
}

struct Equation {
  std::vector<std::string> inputs;
  std::string output;
  bool arrow = false;
};

Equation read(std::string_view text) {
  Equation equation;
  std::string part;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == ' ') continue;
    if (std::isalpha(static_cast<unsigned char>(c))) {
      part += c;
    } else if (text.substr(i).starts_with("...")) {
      if (place(part, '.') != not_found) refuse("at most one ... an operand", text);
      part += '.';
      i += 2;
    } else if (c == ',' && !equation.arrow) {
      equation.inputs.push_back(std::exchange(part, {}));
    } else if (text.substr(i).starts_with("->") && !equation.arrow) {
      equation.inputs.push_back(std::exchange(part, {}));
      equation.arrow = true;
      ++i;
    } else {
      refuse("letters, commas, ... and one ->", text);
    }
  }
  (equation.arrow ? equation.output : equation.inputs.emplace_back()) = part;
  return equation;
}

// "..." as the digits of that many axes.
Letters spelled(const std::string& part, int dots) {
  Letters letters;
  for (const char c : part) {
    if (c != '.') letters += c;
    for (int i = dots - 1; c == '.' && i >= 0; --i) letters += static_cast<char>('0' + i);
  }
  return letters;
}

// An operand with every letter once: of a repeated one the diagonal.
Term distinct(Tensor value, Letters letters, Here here) {
  for (std::size_t i = 0; i < letters.size(); ++i)
    for (std::size_t j = letters.size() - 1; j > i; --j) {
      if (letters[j] != letters[i]) continue;
      const int rank = value.rank(), a = static_cast<int>(i), b = static_cast<int>(j);
      const std::int64_t n = value.size(a);
      require<ShapeError>(value.size(b) == n, "einsum: expected equal extents of letter ", std::string(1, letters[i]),
                          ", got shape ", value.shape());
      std::vector<int> order;  // a and b last, so that they are one axis of n n
      for (int axis = 0; axis < rank; ++axis)
        if (axis != a && axis != b) order.push_back(axis);
      std::vector<std::int64_t> extents, places;
      for (const int axis : order) extents.push_back(value.size(axis));
      extents.push_back(n * n);
      for (std::int64_t k = 0; k < n; ++k) places.push_back(k * (n + 1));
      order.insert(order.end(), {a, b});
      value = reshape(permute(value, std::span<const int>(order), here), std::span<const std::int64_t>(extents), here);
      value = index_select(value, -1, Tensor::from(places, {n}), here);
      letters = letters.substr(0, j) + letters.substr(j + 1);
      const char letter = letters[i];
      letters = letters.substr(0, i) + letters.substr(i + 1) + letter;
      j = letters.size();
    }
  return {value, letters};
}

// Summed over the letters that nobody needs.
Term summed(const Term& term, const Letters& needed, Here here) {
  std::vector<int> axes;
  Letters rest;
  for (std::size_t i = 0; i < term.letters.size(); ++i)
    if (place(needed, term.letters[i]) == not_found)
      axes.push_back(static_cast<int>(i));
    else
      rest += term.letters[i];
  return axes.empty() ? term : Term{sum(term.value, std::span<const int>(axes), false, here), rest};
}

// The extent of each letter; unknown before its first axis.
constexpr std::int64_t unknown = -1;
using Extents = std::array<std::int64_t, 128>;
std::int64_t& of(Extents& extents, char letter) { return extents[static_cast<unsigned char>(letter) % extents.size()]; }

// The axes that some letters stand for.
Shape spanned(const Letters& letters, Extents extents) {
  Shape shape;
  for (const char letter : letters) shape = shape.inserted(shape.rank(), of(extents, letter));
  return shape;
}

// [batch, left, sum] [batch, sum, right], in the letters batch left right.
Term multiplied(const Term& a, const Term& b, const Letters& needed, const Extents& extents, Here here) {
  const Term x = summed(a, needed + b.letters, here), y = summed(b, needed + a.letters, here);
  Letters batch, sums, left, right;
  for (const char letter : x.letters) {
    const bool both = place(y.letters, letter) != not_found, kept = place(needed, letter) != not_found;
    (both ? (kept ? batch : sums) : left) += letter;
  }
  for (const char letter : y.letters)
    if (place(x.letters, letter) == not_found) right += letter;
  const auto matrix = [&](const Term& term, const Letters& first, const Letters& second) {
    const Letters letters = batch + first + second;
    const std::vector<int> order = order_of(term.letters, letters);
    const Tensor value = permute(term.value, std::span<const int>(order), here);
    const auto size = [&](const Letters& part) { return spanned(part, extents).numel(); };
    return reshape(expand(value, spanned(letters, extents), here), {size(batch), size(first), size(second)}, here);
  };
  const Tensor result = matmul(matrix(x, left, sums), matrix(y, sums, right), here);
  const Letters letters = batch + left + right;
  return {reshape(result, spanned(letters, extents), here), letters};
}

}  // namespace

Tensor einsum(std::string_view text, const std::vector<Tensor>& operands, Here here) {
  const Equation equation = read(text);
  require<ShapeError>(equation.inputs.size() == operands.size(), "einsum: expected ", equation.inputs.size(),
                      " operands, got ", operands.size());
  std::vector<Term> terms;
  Extents extents;
  extents.fill(unknown);
  int most_dots = 0;
  for (std::size_t k = 0; k < operands.size(); ++k) {
    const std::string& part = equation.inputs[k];
    require_real("einsum", operands[k]);
    require<DTypeError>(operands[k].dtype() == operands[0].dtype(), "einsum: expected tensors of one dtype, got ",
                        operands[0].dtype(), " and ", operands[k].dtype());
    const bool open = place(part, '.') != not_found;
    const int dots = operands[k].rank() - static_cast<int>(part.size()) + (open ? 1 : 0);
    require<ShapeError>(open ? dots >= 0 : dots == 0, "einsum: expected an operand with the axes ", part,
                        ", got shape ", operands[k].shape());
    most_dots = std::max(most_dots, dots);
    terms.push_back(distinct(operands[k], spelled(part, dots), here));
    for (std::size_t i = 0; i < terms.back().letters.size(); ++i) {
      const char letter = terms.back().letters[i];
      const std::int64_t extent = terms.back().value.size(static_cast<int>(i));
      std::int64_t& known = of(extents, letter);
      require<ShapeError>(known == unknown || known == extent || known == 1 || extent == 1,
                          "einsum: expected one extent of letter ", std::string(1, letter), ", got ", extent, " and ",
                          known);
      if (known == unknown || known == 1) known = extent;
    }
  }
  Letters output = spelled(equation.output, most_dots);
  if (!equation.arrow) {
    std::string all;
    for (const std::string& part : equation.inputs) all += part;
    std::sort(all.begin(), all.end());
    output = spelled(".", most_dots);
    for (const char letter : all)
      if (letter != '.' && std::count(all.begin(), all.end(), letter) == 1) output += letter;
  }
  for (std::size_t i = 0; i < output.size(); ++i) {
    if (of(extents, output[i]) == unknown) refuse("results made of letters of operands", text);
    if (output.find(output[i], i + 1) != Letters::npos) refuse("each letter of the result once", text);
  }
  Term result = terms[0];
  for (std::size_t k = 1; k < terms.size(); ++k) {
    Letters needed = output;
    for (std::size_t later = k + 1; later < terms.size(); ++later) needed += terms[later].letters;
    result = multiplied(result, terms[k], needed, extents, here);
  }
  result = summed(result, output, here);
  const std::vector<int> order = order_of(result.letters, output);
  return permute(result.value, std::span<const int>(order), here);
}

}  // namespace lumigrad
