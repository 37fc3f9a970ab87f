// SPDX-License-Identifier: Apache-2.0
#include <lumigrad/engine/device/module.h>

#include <dlfcn.h>
#include <lumigrad/engine/device/memory.h>
#include <lumigrad/engine/version.h>
#include <pthread.h>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <mutex>

namespace lumigrad::device {
namespace {

constexpr const char* file_name = "liblumigrad_cuda.so";
constexpr int most_devices = 10;  // cuda:0 to cuda:9

struct DeviceState {
  std::mutex mutex;
  std::atomic<void*> stream{nullptr};
  std::atomic<bool> opened{false}, lost{false};
  std::string first_cause;
};

std::atomic<bool> forked{false};

// A header that fits, and why not where it does not.
std::string refusal(const Header* header) {
  if (!header || std::memcmp(header->magic, "lumigrad", sizeof header->magic) != 0)
    return "it is no module of lumigrad";
  const std::string built(header->library, strnlen(header->library, sizeof header->library));
  if (header->version != table_version || header->table_bytes != sizeof(Table) || built != version())
    return message("it belongs to lumigrad ", built, " (seam ", header->version, "), this is ", version(), " (seam ",
                   table_version, ")");
  return "";
}

struct Module {
  const Table* table = nullptr;
  std::string path, reason;
  int devices = 0;
  DeviceState states[most_devices];

  Module() {
    if (const char* const asked = asked_for(); asked && std::string_view(asked) == "none")
      reason = "LUMIGRAD_CUDA_MODULE=none asks for no module";
    for (const std::string& candidate : candidates())
      if (load(candidate)) break;
    if (!table) {
      if (reason.empty())
        reason = message("there is no ", file_name, " beside the library (build with -Dcuda=enabled)");
      return;
    }
    const Status status = table->memory.count(&devices);
    devices = std::min(devices, most_devices);
    if (status.code != Code::ok || devices == 0) reason = status.what && *status.what ? status.what : "there is no GPU";
    pthread_atfork(nullptr, nullptr, [] { forked = true; });
  }

  bool load(const std::string& candidate) {
    namespace files = std::filesystem;
    std::error_code ignored;
    const bool named = candidate.find('/') != std::string::npos;
    if (named && !files::exists(candidate, ignored)) {
      if (asked_for()) add_reason(message("LUMIGRAD_CUDA_MODULE: there is no file ", candidate));
      return false;
    }
    void* const library = dlopen(candidate.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      const char* const said = dlerror();
      const std::string why = said ? said : "it cannot be loaded";
      const bool missing = !named && why.starts_with(candidate + ": ") && why.find("No such file") != std::string::npos;
      if (!missing) add_reason(named ? message(candidate, ": ", why) : why);
      return false;
    }
    const std::string wrong = refusal(static_cast<const Header*>(dlsym(library, header_symbol)));
    if (!wrong.empty()) {
      add_reason(message(candidate, ": ", wrong));
      dlclose(library);
      return false;
    }
    using TableOf = const Table* (*)(const Host*);
    const auto table_of = reinterpret_cast<TableOf>(dlsym(library, table_symbol));
    table = table_of ? table_of(&host()) : nullptr;
    if (!table) add_reason(message(candidate, ": it has no table"));
    if (table) path = candidate, reason.clear();
    return table != nullptr;
  }

  void add_reason(const std::string& why) { reason += reason.empty() ? why : "; " + why; }

  static const char* asked_for() {
    const char* const asked = std::getenv("LUMIGRAD_CUDA_MODULE");
    return asked && *asked ? asked : nullptr;
  }

  static std::vector<std::string> candidates() {
    if (const char* const asked = asked_for()) {
      if (std::string_view(asked) == "none") return {};
      const std::string file(asked);
      return {file.find('/') == std::string::npos ? "./" + file : file};
    }
    std::vector<std::string> list;
    Dl_info own;
    std::error_code ignored;
    if (dladdr(reinterpret_cast<const void*>(&version), &own) && own.dli_fname) {
      std::filesystem::path file = std::filesystem::canonical(own.dli_fname, ignored);
      if (ignored) file = std::filesystem::read_symlink("/proc/self/exe", ignored);  // a program started by name
      const std::filesystem::path folder = file.parent_path();
      for (const char* from : {".", "cuda", "../cuda", "../lib"})
        list.push_back((folder / from / file_name).lexically_normal().string());
    }
#if defined(LUMIGRAD_MODULE_DIR)
    list.push_back(std::string(LUMIGRAD_MODULE_DIR "/") + file_name);
#endif
    list.push_back(file_name);
    return list;
  }
};

Module& module() {
  static Module& module = *new Module();  // never destroyed: tensors of other static objects may outlive it
  return module;
}

DeviceState& usable(Device device) {
  Module& all = module();
  const auto refuse = [&](const std::string& why) {
    throw DeviceError(message("device: expected one that is there, got ", device, ": ", why));
  };
  if (!all.table || all.devices == 0) refuse(all.reason);
  if (device.index < 0 || device.index >= all.devices)
    refuse(message("there ", all.devices == 1 ? "is one device" : "are ",
                   all.devices == 1 ? "" : to_string(all.devices), all.devices == 1 ? "" : " devices"));
  if (forked) refuse("this process is a fork of one that used the device; fork before the first use, or exec");
  DeviceState& state = all.states[device.index];
  if (state.lost) refuse(message("the device is lost since: ", state.first_cause));
  return state;
}

}  // namespace

const Table& table(Device device) {
  require<DeviceError>(device.kind == Device::Kind::cuda, "device: expected cuda, got ", device);
  usable(device);
  return *module().table;
}

Place place_of(Device device) {
  DeviceState& state = usable(device);
  if (!state.opened) {
    std::lock_guard lock(state.mutex);
    if (!state.opened) {
      void* stream = nullptr;
      const Status status = module().table->memory.open(device.index, &stream);
      require<DeviceError>(status.code == Code::ok, "device: expected to open ", device, ", got: ", status.what);
      state.stream = stream;
      state.opened = true;
    }
  }
  return {device.index, state.stream};
}

void check(const char* name, Device device, const Status& status) {
  if (status.code == Code::ok) return;
  require<DeviceError>(status.code != Code::unsupported, name, ": expected something that ", device,
                       " can do, got: ", status.what);
  require<ResourceError>(status.code != Code::no_memory, name, ": expected room on ", device, ", got: ", status.what);
  DeviceState& state = module().states[device.index];
  std::lock_guard lock(state.mutex);
  if (!state.lost) state.first_cause = message(status.what, " (noticed by ", name, ")");
  state.lost = true;
  throw DeviceError(message(name, ": expected ", device, " to work, got: ", state.first_cause,
                            "; the device is lost to this process"));
}

Array array_of(const Tensor& tensor) {
  Array array;
  if (!tensor.defined()) return array;
  array.data = tensor.device_data();
  array.dtype = tensor.dtype();
  array.rank = tensor.rank();
  for (int i = 0; i < tensor.rank(); ++i) {
    array.extents[i] = tensor.size(i);
    array.strides[i] = tensor.strides()[static_cast<std::size_t>(i)];
  }
  return array;
}

Tensor on_device(const char* name, const Tensor& tensor, Device device, Here here) {
  if (!tensor.defined() || tensor.device() == device) return tensor;
  require<DeviceError>(tensor.device() == Device() && (tensor.is_weak() || tensor.numel() == 1), name,
                       ": expected tensors on one device, got ", device, " and ", tensor.device(), " (shape ",
                       tensor.shape(), "); move one with to()");
  return tensor.to(device, here);
}

Device device_of(std::initializer_list<const Tensor*> tensors) {
  Device device;
  for (const Tensor* t : tensors)
    if (t->defined() && t->device() != Device()) return t->device();
  return device;
}

Device device_of(std::span<const Tensor> tensors) {
  for (const Tensor& t : tensors)
    if (t.defined() && t.device() != Device()) return t.device();
  return {};
}

ModuleReport module_report() {
  Module& all = module();
  ModuleReport report{all.path, all.reason, {}};
  for (int i = 0; all.table && i < all.devices; ++i) {
    Description& device = report.devices.emplace_back();
    const Status status = all.table->memory.describe(i, &device);
    if (status.code != Code::ok) std::snprintf(device.name, sizeof device.name, "unusable: %s", status.what);
  }
  return report;
}

}  // namespace lumigrad::device

namespace lumigrad {

std::string unavailable_reason(Device device) {
  if (device.kind == Device::Kind::cpu) return "";
  try {
    device::table(device);
    return "";
  } catch (const DeviceError& error) {
    return error.what();
  }
}

}  // namespace lumigrad
