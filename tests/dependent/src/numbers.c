/* The numbers of dlpack.h as a C compiler sees them: each list in the header's order, then -1. */

#include <dlpack/dlpack.h>

#include <stddef.h>
#include <stdint.h>

static const int64_t DEVICE_TYPES[] = {
    kDLCPU,
    kDLCUDA,
    kDLCUDAHost,
    kDLOpenCL,
    kDLVulkan,
    kDLMetal,
    kDLVPI,
    kDLROCM,
    kDLROCMHost,
    kDLExtDev,
    kDLCUDAManaged,
    kDLOneAPI,
    kDLWebGPU,
    kDLHexagon,
    kDLMAIA,
    kDLTrn,
};

static const int64_t DATA_TYPE_CODES[] = {
    kDLInt,
    kDLUInt,
    kDLFloat,
    kDLOpaqueHandle,
    kDLBfloat,
    kDLComplex,
    kDLBool,
    kDLFloat8_e3m4,
    kDLFloat8_e4m3,
    kDLFloat8_e4m3b11fnuz,
    kDLFloat8_e4m3fn,
    kDLFloat8_e4m3fnuz,
    kDLFloat8_e5m2,
    kDLFloat8_e5m2fnuz,
    kDLFloat8_e8m0fnu,
    kDLFloat6_e2m3fn,
    kDLFloat6_e3m2fn,
    kDLFloat4_e2m1fn,
};

static const int64_t MACROS[] = {
    DLPACK_MAJOR_VERSION,
    DLPACK_MINOR_VERSION,
    DLPACK_FLAG_BITMASK_READ_ONLY,
    DLPACK_FLAG_BITMASK_IS_COPIED,
    DLPACK_FLAG_BITMASK_IS_SUBBYTE_TYPE_PADDED,
};

static const int64_t SIZES[] = {
    sizeof(DLPackVersion),
    sizeof(DLDeviceType),
    sizeof(DLDevice),
    sizeof(DLDataTypeCode),
    sizeof(DLDataType),
    sizeof(DLTensor),
    sizeof(DLManagedTensor),
    sizeof(DLManagedTensorVersioned),
    sizeof(DLPackExchangeAPIHeader),
    sizeof(DLPackExchangeAPI),
};

#define AT(list, index) ((index) < sizeof(list) / sizeof((list)[0]) ? (list)[index] : -1)

int64_t dependent_device_type(size_t index) { return AT(DEVICE_TYPES, index); }
int64_t dependent_data_type_code(size_t index) { return AT(DATA_TYPE_CODES, index); }
int64_t dependent_macro(size_t index) { return AT(MACROS, index); }
int64_t dependent_size(size_t index) { return AT(SIZES, index); }
