// The module `peer_nanobind`.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

namespace nb = nanobind;

// The address of the first element plus the number of elements.
static std::uintptr_t take(nb::ndarray<nb::ro, nb::device::cpu> array) {
  return reinterpret_cast<std::uintptr_t>(array.data()) + array.size();
}

// An array whose memory Python knows nothing of.
static nb::ndarray<nb::array_api, float> own() {
  static float elements[12];
  return nb::ndarray<nb::array_api, float>(elements, {3, 4}, nb::capsule(elements, [](void*) noexcept {}));
}

NB_MODULE(peer_nanobind, module) {
  module.def("take", &take, nb::arg("array"));
  module.def("own", &own);
}
