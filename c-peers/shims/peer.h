// What the tests ask of a library: one table of functions for each, with the library's own tensors as `void*`.
//
// Managed tensors are `void*`, too, since each library brings a `dlpack.h` of its own. No function throws. One that can
// fail returns null, and writes why.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

constexpr int kMaxAxes = 12;

struct Reason {
  char text[512];

  void* set(const char* why) {
    std::snprintf(text, sizeof text, "%s", why);
    return nullptr;
  }
};

// A tensor as its library describes it, with the address of its first element and strides in elements.
struct Description {
  int64_t shape[kMaxAxes];
  int64_t strides[kMaxAxes];
  int32_t ndim;
  int32_t device_type;
  int32_t device_id;
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
  void* data;
  // 1 or 0; -1 if the library knows no read-only tensors.
  int32_t is_writable;
};

// A tensor for the library to make, in memory that `freed` is told of when the library lets go of it.
struct Request {
  const int64_t* shape;
  int32_t ndim;
  uint8_t code;
  uint8_t bits;
  uint16_t lanes;
  const void* elements;
  size_t nbytes;
  void (*freed)(void*);
  void* context;
};

struct Peer {
  // The version of DLPack that the library was compiled with.
  uint32_t major;
  uint32_t minor;
  // Null if the library has no such function.
  void* (*import_legacy)(void* managed, Reason*);
  void* (*import_versioned)(void* managed, Reason*);
  void* (*export_legacy)(void* tensor, Reason*);
  void* (*export_versioned)(void* tensor, Reason*);
  void* (*export_read_only)(void* tensor, Reason*);
  void* (*export_copy)(void* tensor, Reason*);
  void* (*make)(const Request*, Reason*);
  // A part of a tensor: strides and offset in elements.
  void* (*view)(void* tensor, const int64_t* shape, const int64_t* strides, int32_t ndim, int64_t offset, Reason*);
  void (*describe)(void* tensor, Description*);
  // Copies the elements out and in, in row-major order, as the library reaches them.
  void (*read)(void* tensor, void* elements);
  void (*write)(void* tensor, const void* elements);
  void (*release)(void* tensor);
};

// Memory of the shims, aligned as the libraries' own.
struct Memory {
  void* start;
  void (*freed)(void*);
  void* context;

  explicit Memory(const Request& request) : freed(request.freed), context(request.context) {
    start = std::aligned_alloc(256, (request.nbytes / 256 + 1) * 256);
    std::memcpy(start, request.elements, request.nbytes);
  }

  void free() {
    std::free(start);
    freed(context);
  }
};

// Calls a function, and turns what it throws into a reason.
template <class F> void* caught(Reason* reason, F function) {
  try {
    return function();
  } catch (const std::exception& error) {
    return reason->set(error.what());
  }
}

// Calls a function with the address of each element, in row-major order. Strides are in bytes.
template <class F>
void each(char* start, const int64_t* shape, const int64_t* strides, int ndim, F function) {
  if (ndim == 0) {
    function(start);
    return;
  }
  for (int64_t index = 0; index < shape[0]; ++index) {
    each(start + index * strides[0], shape + 1, strides + 1, ndim - 1, function);
  }
}
