// SPDX-License-Identifier: Apache-2.0
// Values by name: what a module's state, a file of tensors and a draw are. It is used as std::map<std::string, T> would
// be, whose header costs every program that includes lumigrad.h a twelfth of the time its compiler takes.
#pragma once
#include <lumigrad/engine/error.h>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lumigrad {

/// Runs over the pairs of a Dictionary, random access.
template <class Node, class Pair>
class DictionaryIterator {
 public:
  using value_type = Pair;
  using reference = Pair&;
  using pointer = Pair*;
  using difference_type = std::ptrdiff_t;
  using iterator_category = std::random_access_iterator_tag;

  DictionaryIterator() = default;
  explicit DictionaryIterator(const Node* node) : node_(node) {}
  operator DictionaryIterator<Node, const Pair>() const { return DictionaryIterator<Node, const Pair>(node_); }

  Pair& operator*() const { return **node_; }
  Pair* operator->() const { return *node_; }
  Pair& operator[](difference_type k) const { return *node_[k]; }
  DictionaryIterator& operator+=(difference_type k) { return node_ += k, *this; }
  DictionaryIterator& operator-=(difference_type k) { return node_ -= k, *this; }
  DictionaryIterator& operator++() { return *this += 1; }
  DictionaryIterator& operator--() { return *this -= 1; }
  DictionaryIterator operator++(int) { return DictionaryIterator(node_++); }
  DictionaryIterator operator--(int) { return DictionaryIterator(node_--); }
  friend DictionaryIterator operator+(DictionaryIterator i, difference_type k) { return i += k; }
  friend DictionaryIterator operator+(difference_type k, DictionaryIterator i) { return i += k; }
  friend DictionaryIterator operator-(DictionaryIterator i, difference_type k) { return i -= k; }
  friend difference_type operator-(DictionaryIterator a, DictionaryIterator b) { return a.node_ - b.node_; }
  friend auto operator<=>(DictionaryIterator a, DictionaryIterator b) = default;

 private:
  const Node* node_ = nullptr;
};

/// Names, all different, and their values, in ascending order of the names' bytes. References to pairs hold as long as
/// their names are there, iterators until any name is added or removed. To find a name takes the logarithm of their
/// number; to add one moves a pointer for each name behind it, none where names come in ascending order.
template <class T>
class Dictionary {
 public:
  using key_type = std::string;
  using mapped_type = T;
  using value_type = std::pair<const std::string, T>;
  using Node = value_type*;  // owned; std::unique_ptr would cost every program some hundredths of a second to read
  using iterator = DictionaryIterator<Node, value_type>;
  using const_iterator = DictionaryIterator<Node, const value_type>;

  Dictionary() = default;
  /// Of a name that is there twice, the first.
  Dictionary(std::initializer_list<value_type> items) : Dictionary(items.begin(), items.end()) {}
  /// From the pairs of another container, a std::map say.
  template <class Iterator>
  Dictionary(Iterator first, Iterator last) {
    for (; first != last; ++first) emplace(first->first, first->second);
  }
  Dictionary(const Dictionary& other) : Dictionary(other.begin(), other.end()) {}
  Dictionary(Dictionary&& other) noexcept : nodes_(std::move(other.nodes_)) {}
  Dictionary& operator=(Dictionary other) { return nodes_.swap(other.nodes_), *this; }
  ~Dictionary() { clear(); }

  std::size_t size() const { return nodes_.size(); }
  bool empty() const { return nodes_.empty(); }
  iterator begin() { return iterator(nodes_.data()); }
  iterator end() { return iterator(nodes_.data() + nodes_.size()); }
  const_iterator begin() const { return const_iterator(nodes_.data()); }
  const_iterator end() const { return const_iterator(nodes_.data() + nodes_.size()); }

  /// The pair of a name, or end().
  iterator find(std::string_view name) { return iterator(place_of(name)); }
  const_iterator find(std::string_view name) const { return const_iterator(place_of(name)); }
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
    const bool added = place == size() || nodes_[place]->first != name;
    if (added) {
      const Node node = new value_type(std::string(name), T(std::forward<Arguments>(value)...));
      try {
        nodes_.insert(nodes_.begin() + static_cast<std::ptrdiff_t>(place), node);
      } catch (...) {
        delete node;
        throw;
      }
    }
    return {begin() + static_cast<std::ptrdiff_t>(place), added};
  }
  std::pair<iterator, bool> insert(value_type item) { return emplace(item.first, std::move(item.second)); }
  /// Removes a name; says how many there were, 0 or 1.
  std::size_t erase(std::string_view name) {
    const std::size_t place = rank(name);
    if (place == size() || nodes_[place]->first != name) return 0;
    delete nodes_[place];
    nodes_.erase(nodes_.begin() + static_cast<std::ptrdiff_t>(place));
    return 1;
  }
  void clear() {
    for (const Node node : nodes_) delete node;
    nodes_.clear();
  }

  friend bool operator==(const Dictionary& a, const Dictionary& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t k = 0; k < a.size(); ++k) {
      if (!(*a.nodes_[k] == *b.nodes_[k])) return false;
    }
    return true;
  }

 private:
  /// How many names come before this one.
  std::size_t rank(std::string_view name) const {
    std::size_t low = 0, high = size();
    if (high > 0 && nodes_[high - 1]->first < name) return high;
    while (low < high) {
      const std::size_t middle = low + (high - low) / 2;
      if (nodes_[middle]->first < name)
        low = middle + 1;
      else
        high = middle;
    }
    return low;
  }
  const Node* place_of(std::string_view name) const {
    const std::size_t place = rank(name);
    return nodes_.data() + (place < size() && nodes_[place]->first == name ? place : size());
  }

  std::vector<Node> nodes_;
};

}  // namespace lumigrad
