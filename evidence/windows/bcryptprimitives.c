/* The one function of the library that Rust's standard library calls, by one that Wine has. */
#include <windows.h>
#include <ntsecapi.h>

__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE* data, SIZE_T count) { return RtlGenRandom(data, (ULONG)count); }
