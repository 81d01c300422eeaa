// Arrow C++: tensors in the table `peer`, arrays in the table `peer_array`. It has no import of the legacy ABI.

#include <algorithm>

#include <arrow/array.h>
#include <arrow/array/util.h>
#include <arrow/buffer.h>
#include <arrow/c/dlpack.h>
#include <arrow/tensor.h>
#include <arrow/type.h>

#include "peer.h"

namespace {

namespace dl = arrow::dlpack;

// The value, moved to where it is a `void*`, or the reason why there is none.
template <class T> void* boxed(arrow::Result<std::shared_ptr<T>> result, Reason* reason) {
  return result.ok() ? new std::shared_ptr<T>(*std::move(result)) : reason->set(result.status().ToString().c_str());
}

template <class T> void* plain(const arrow::Result<T*>& result, Reason* reason) {
  return result.ok() ? static_cast<void*>(*result) : reason->set(result.status().ToString().c_str());
}

template <class T> const std::shared_ptr<T>& shared(void* tensor) { return *static_cast<std::shared_ptr<T>*>(tensor); }

struct TypeOfArrow {
  uint8_t code;
  uint8_t bits;
  std::shared_ptr<arrow::DataType> type;
};

const TypeOfArrow kTypes[] = {
    {kDLInt, 8, arrow::int8()},       {kDLInt, 16, arrow::int16()},     {kDLInt, 32, arrow::int32()},
    {kDLInt, 64, arrow::int64()},     {kDLUInt, 8, arrow::uint8()},     {kDLUInt, 16, arrow::uint16()},
    {kDLUInt, 32, arrow::uint32()},   {kDLUInt, 64, arrow::uint64()},   {kDLFloat, 16, arrow::float16()},
    {kDLFloat, 32, arrow::float32()}, {kDLFloat, 64, arrow::float64()},
};

std::shared_ptr<arrow::DataType> type_of(const Request& request) {
  for (const TypeOfArrow& known : kTypes) {
    if (known.code == request.code && known.bits == request.bits && request.lanes == 1) {
      return known.type;
    }
  }
  return nullptr;
}

class Block : public arrow::MutableBuffer {
public:
  Block(Memory memory, size_t nbytes)
      : arrow::MutableBuffer(static_cast<uint8_t*>(memory.start), static_cast<int64_t>(nbytes)), memory_(memory) {}
  ~Block() override { memory_.free(); }

private:
  Memory memory_;
};

void* import_tensor(void* managed, Reason* reason) {
  return boxed(dl::ImportTensorVersioned(static_cast<DLManagedTensorVersioned*>(managed)), reason);
}

void* export_tensor_legacy(void* tensor, Reason* reason) {
  return plain(dl::ExportTensor(shared<arrow::Tensor>(tensor)), reason);
}

void* export_tensor(void* tensor, Reason* reason) {
  return plain(dl::ExportTensorVersioned(shared<arrow::Tensor>(tensor), false), reason);
}

void* copy_tensor(void* tensor, Reason* reason) {
  return plain(dl::ExportTensorVersioned(shared<arrow::Tensor>(tensor), true), reason);
}

void* make_tensor(const Request* request, Reason* reason) {
  std::shared_ptr<arrow::DataType> type = type_of(*request);
  if (type == nullptr) {
    return reason->set("no such type");
  }
  auto block = std::make_shared<Block>(Memory(*request), request->nbytes);
  std::vector<int64_t> shape(request->shape, request->shape + request->ndim);
  return boxed(arrow::Tensor::Make(type, block, shape), reason);
}

void* view_tensor(void* tensor, const int64_t* shape, const int64_t* strides, int32_t ndim, int64_t offset,
                 Reason* reason) {
  const arrow::Tensor& found = *shared<arrow::Tensor>(tensor);
  int64_t size = found.type()->byte_width();
  std::vector<int64_t> sizes(shape, shape + ndim), steps(strides, strides + ndim);
  std::transform(steps.begin(), steps.end(), steps.begin(), [&](int64_t step) { return step * size; });
  int64_t start = offset * size;
  auto part = arrow::SliceMutableBuffer(found.data(), start, found.data()->size() - start);
  return boxed(arrow::Tensor::Make(found.type(), part, sizes, steps), reason);
}

void describe_type(const arrow::DataType& type, Description* out) {
  for (const TypeOfArrow& known : kTypes) {
    if (known.type->Equals(type)) {
      out->code = known.code;
      out->bits = known.bits;
      out->lanes = 1;
    }
  }
}

void describe_tensor(void* tensor, Description* out) {
  const arrow::Tensor& found = *shared<arrow::Tensor>(tensor);
  std::copy(found.shape().begin(), found.shape().end(), out->shape);
  std::transform(found.strides().begin(), found.strides().end(), out->strides,
                 [&](int64_t step) { return step / found.type()->byte_width(); });
  out->ndim = found.ndim();
  DLDevice device = *dl::ExportDevice(shared<arrow::Tensor>(tensor));
  out->device_type = device.device_type;
  out->device_id = device.device_id;
  describe_type(*found.type(), out);
  out->data = const_cast<uint8_t*>(found.raw_data());
  out->is_writable = found.is_mutable();
}

template <class F> void each_element(void* tensor, F function) {
  const arrow::Tensor& found = *shared<arrow::Tensor>(tensor);
  each(const_cast<char*>(reinterpret_cast<const char*>(found.raw_data())), found.shape().data(),
       found.strides().data(), found.ndim(), [&](char* at) { function(at, found.type()->byte_width()); });
}

void read_tensor(void* tensor, void* elements) {
  char* out = static_cast<char*>(elements);
  each_element(tensor, [&](char* at, size_t size) {
    std::memcpy(out, at, size);
    out += size;
  });
}

void write_tensor(void* tensor, const void* elements) {
  const char* in = static_cast<const char*>(elements);
  each_element(tensor, [&](char* at, size_t size) {
    std::memcpy(at, in, size);
    in += size;
  });
}

void release_tensor(void* tensor) { delete static_cast<std::shared_ptr<arrow::Tensor>*>(tensor); }

void* import_array(void* managed, Reason* reason) {
  return boxed(dl::ImportArrayVersioned(static_cast<DLManagedTensorVersioned*>(managed)), reason);
}

void* export_array_legacy(void* array, Reason* reason) {
  return plain(dl::ExportArray(shared<arrow::Array>(array)), reason);
}

void* export_array(void* array, Reason* reason) {
  return plain(dl::ExportArrayVersioned(shared<arrow::Array>(array), false), reason);
}

void* copy_array(void* array, Reason* reason) {
  return plain(dl::ExportArrayVersioned(shared<arrow::Array>(array), true), reason);
}

void* make_array(const Request* request, Reason* reason) {
  std::shared_ptr<arrow::DataType> type = type_of(*request);
  if (type == nullptr || request->ndim != 1) {
    return reason->set("no such type");
  }
  auto block = std::make_shared<Block>(Memory(*request), request->nbytes);
  auto data = arrow::ArrayData::Make(type, request->shape[0], {nullptr, block}, 0);
  arrow::Result<std::shared_ptr<arrow::Array>> array = arrow::MakeArray(data);
  return boxed(std::move(array), reason);
}

void* view_array(void* array, const int64_t* shape, const int64_t* strides, int32_t ndim, int64_t offset,
                 Reason* reason) {
  if (ndim != 1 || strides[0] != 1) {
    return reason->set("no such view");
  }
  arrow::Result<std::shared_ptr<arrow::Array>> part = shared<arrow::Array>(array)->Slice(offset, shape[0]);
  return boxed(std::move(part), reason);
}

const char* elements_of(void* array) {
  const arrow::ArrayData& data = *shared<arrow::Array>(array)->data();
  return reinterpret_cast<const char*>(data.buffers[1]->data()) + data.offset * data.type->byte_width();
}

void describe_array(void* array, Description* out) {
  const arrow::Array& found = *shared<arrow::Array>(array);
  out->shape[0] = found.length();
  out->strides[0] = 1;
  out->ndim = 1;
  DLDevice device = *dl::ExportDevice(shared<arrow::Array>(array));
  out->device_type = device.device_type;
  out->device_id = device.device_id;
  describe_type(*found.type(), out);
  out->data = const_cast<char*>(elements_of(array));
  out->is_writable = 0;
}

void read_array(void* array, void* elements) {
  const arrow::Array& found = *shared<arrow::Array>(array);
  std::memcpy(elements, elements_of(array), found.length() * found.type()->byte_width());
}

void release_array(void* array) { delete static_cast<std::shared_ptr<arrow::Array>*>(array); }

} // namespace

extern "C" {

extern const Peer peer, peer_array;
const Peer peer{
    DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION, nullptr, import_tensor, export_tensor_legacy, export_tensor, nullptr,
    copy_tensor, make_tensor, view_tensor, describe_tensor, read_tensor, write_tensor, release_tensor,
};
const Peer peer_array{
    DLPACK_MAJOR_VERSION, DLPACK_MINOR_VERSION, nullptr, import_array, export_array_legacy, export_array, nullptr,
    copy_array, make_array, view_array, describe_array, read_array, nullptr, release_array,
};
}
