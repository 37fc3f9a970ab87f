// SPDX-License-Identifier: Apache-2.0
#include "annotations.h"

#include <lumigrad/engine/files/file.h>

#include <cmath>
#include <filesystem>
#include <set>

namespace lumigrad::command {

AnnotationFile::AnnotationFile(const std::string& path, std::size_t coordinates) {
  const FileBytes file = read_file(path, std::uint64_t{1} << 30);
  const Json json = parsed_json(path, {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()});
  require<FormatError>(json.is_object(), path, ": expected {\"image\": [[", coordinates, " numbers, ...], ...], ...}");
  for (const auto& [name, entries] : json.items()) {
    require<FormatError>(entries.is_array(), path, ": ", name, ": expected a list of entries");
    std::vector<double> numbers;
    Annotations found;
    for (const Json& entry : entries) {
      const auto is_place = [&] {
        if (!entry.is_array() || entry.size() < coordinates) return false;
        for (std::size_t k = 0; k < coordinates; ++k)
          if (!entry[k].is_number() || !std::isfinite(entry[k].get<double>())) return false;
        return true;
      };
      require<FormatError>(is_place(), path, ": ", name, "[", found.rest.size(), "]: expected [", coordinates,
                           " numbers, ...]");
      require<FormatError>(
          coordinates != 4 ||
              (entry[0].get<double>() <= entry[2].get<double>() && entry[1].get<double>() <= entry[3].get<double>()),
          path, ": ", name, "[", found.rest.size(), "]: expected x0 <= x1 and y0 <= y1, got ", entry.dump());
      Json rest = Json::array();
      for (std::size_t k = 0; k < entry.size(); ++k)
        if (k < coordinates)
          numbers.push_back(entry[k].get<double>());
        else
          rest.push_back(entry[k]);
      found.rest.push_back(std::move(rest));
    }
    found.places =
        Tensor::from(numbers, {static_cast<std::int64_t>(entries.size()), static_cast<std::int64_t>(coordinates)});
    images_[name] = std::move(found);
  }
}

Annotations AnnotationFile::of(const std::string& image) const {
  const std::filesystem::path path(image);
  for (const std::string& key : {path.filename().string(), path.stem().string()})
    if (const auto found = images_.find(key); found != images_.end()) return found->second;
  return {};
}

std::vector<std::string> AnnotationFile::unclaimed(const std::vector<std::string>& images) const {
  std::set<std::string> names;
  for (const std::filesystem::path path : images) names.insert({path.filename().string(), path.stem().string()});
  std::vector<std::string> keys;
  for (const auto& [key, entries] : images_)
    if (!names.contains(key)) keys.push_back(key);
  return keys;
}

Json entries_of(const Annotations& annotations, const Tensor& places) {
  Json list = Json::array();
  const std::vector<double> numbers = places.values();
  const std::size_t coordinates = annotations.rest.empty() ? 0 : numbers.size() / annotations.rest.size();
  for (std::size_t i = 0; i < annotations.rest.size(); ++i) {
    Json entry = Json::array();
    for (std::size_t k = 0; k < coordinates; ++k) entry.push_back(numbers[i * coordinates + k]);
    for (const Json& more : annotations.rest[i]) entry.push_back(more);
    list.push_back(std::move(entry));
  }
  return list;
}

}  // namespace lumigrad::command
