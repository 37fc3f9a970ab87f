// SPDX-License-Identifier: Apache-2.0
// Values by name: what a module's state, a file of tensors and a draw are. A flat map, like std::flat_map of C++23: one
// vector in the order of the names, read by halving. It is used as std::map<std::string, T> would be, whose header and
// trees cost every program that includes lumigrad.h a twelfth of the time its compiler takes.
#pragma once
#include <lumigrad/engine/error.h>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lumigrad {

/// Names, all different, and their values, in ascending order of the names' bytes. Unlike those of std::map, references
/// and iterators hold until a name is added or removed, and who runs over the pairs leaves the names as they are.
template <class T>
class Dictionary {
 public:
  using key_type = std::string;
  using mapped_type = T;
  using value_type = std::pair<std::string, T>;
  using iterator = value_type*;
  using const_iterator = const value_type*;

  Dictionary() = default;
  /// Of a name that is there twice, the first.
  Dictionary(std::initializer_list<value_type> items) : Dictionary(items.begin(), items.end()) {}
  /// From the pairs of another container, a std::map say.
  template <class Iterator>
  Dictionary(Iterator first, Iterator last) {
    for (; first != last; ++first) emplace(first->first, first->second);
  }

  std::size_t size() const { return items_.size(); }
  bool empty() const { return items_.empty(); }
  iterator begin() { return items_.data(); }
  iterator end() { return items_.data() + items_.size(); }
  const_iterator begin() const { return items_.data(); }
  const_iterator end() const { return items_.data() + items_.size(); }

  /// The pair of a name, or end().
  const_iterator find(std::string_view name) const {
    const const_iterator place = begin() + rank(name);
    return place != end() && place->first == name ? place : end();
  }
  iterator find(std::string_view name) { return begin() + (std::as_const(*this).find(name) - begin()); }
  bool contains(std::string_view name) const { return find(name) != end(); }
  std::size_t count(std::string_view name) const { return contains(name) ? 1 : 0; }
  /// The value of a name; throws FormatError when it is not there.
  const T& at(std::string_view name) const {
    const const_iterator found = find(name);
    require<FormatError>(found != end(), "at: expected a name that is there, got ", name);
    return found->second;
  }
  T& at(std::string_view name) { return const_cast<T&>(std::as_const(*this).at(name)); }

  /// The value of a name, which is added when it is not there.
  T& operator[](std::string_view name) { return emplace(name).first->second; }
  /// Adds a name and what its value is made from, unless the name is there. Says where it is and whether it was added.
  template <class... Arguments>
  std::pair<iterator, bool> emplace(std::string_view name, Arguments&&... value) {
    const std::size_t place = rank(name);
    const bool added = place == size() || items_[place].first != name;
    if (added) items_.emplace(items_.begin() + place, std::string(name), T(std::forward<Arguments>(value)...));
    return {begin() + place, added};
  }
  std::pair<iterator, bool> insert(value_type item) { return emplace(item.first, std::move(item.second)); }
  /// Removes a name; says how many there were, 0 or 1.
  std::size_t erase(std::string_view name) {
    const iterator found = find(name);
    if (found == end()) return 0;
    items_.erase(items_.begin() + (found - begin()));
    return 1;
  }
  void clear() { items_.clear(); }

  friend bool operator==(const Dictionary& a, const Dictionary& b) { return a.items_ == b.items_; }

 private:
  /// How many names come before this one.
  std::size_t rank(std::string_view name) const {
    std::size_t low = 0, high = size();
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (items_[middle].first < name)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }

  std::vector<value_type> items_;
};

}  // namespace lumigrad
