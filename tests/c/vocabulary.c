/* Names and numbers of the header, as the compiler reads them. */
#include "ct.h"

typedef struct constant {
  const char* name;
  uint64_t value;
} constant;

#define CONSTANT(name) {#name, (uint64_t)(name)}

static const constant constants[] = {
    CONSTANT(DLPACK_MAJOR_VERSION),
    CONSTANT(DLPACK_MINOR_VERSION),
    CONSTANT(DLPACK_FLAG_BITMASK_READ_ONLY),
    CONSTANT(DLPACK_FLAG_BITMASK_IS_COPIED),
    CONSTANT(DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED),
    CONSTANT(kDLCPU),
    CONSTANT(kDLCUDA),
    CONSTANT(kDLCUDAHost),
    CONSTANT(kDLOpenCL),
    CONSTANT(kDLVulkan),
    CONSTANT(kDLMetal),
    CONSTANT(kDLVPI),
    CONSTANT(kDLROCM),
    CONSTANT(kDLROCMHost),
    CONSTANT(kDLExtDev),
    CONSTANT(kDLCUDAManaged),
    CONSTANT(kDLOneAPI),
    CONSTANT(kDLWebGPU),
    CONSTANT(kDLHexagon),
    CONSTANT(kDLMAIA),
    CONSTANT(kDLTrn),
    CONSTANT(kDLInt),
    CONSTANT(kDLUInt),
    CONSTANT(kDLFloat),
    CONSTANT(kDLOpaqueHandle),
    CONSTANT(kDLBfloat),
    CONSTANT(kDLComplex),
    CONSTANT(kDLBool),
    CONSTANT(kDLFloat8_e3m4),
    CONSTANT(kDLFloat8_e4m3),
    CONSTANT(kDLFloat8_e4m3b11fnuz),
    CONSTANT(kDLFloat8_e4m3fn),
    CONSTANT(kDLFloat8_e4m3fnuz),
    CONSTANT(kDLFloat8_e5m2),
    CONSTANT(kDLFloat8_e5m2fnuz),
    CONSTANT(kDLFloat8_e8m0fnu),
    CONSTANT(kDLFloat6_e2m3fn),
    CONSTANT(kDLFloat6_e3m2fn),
    CONSTANT(kDLFloat4_e2m1fn),
};

size_t ct_constant_count(void) { return sizeof constants / sizeof constants[0]; }

const char* ct_constant_name(size_t i) { return constants[i].name; }

uint64_t ct_constant_value(size_t i) { return constants[i].value; }
