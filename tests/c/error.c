/* The text of the last failure, one for each thread. */
#include "internal.h"

#include <stdarg.h>
#include <stdio.h>

static CT_THREAD_LOCAL char text[256];

int ct_fail(int code, const char* format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  return code;
}

int ct_succeed(void) {
  text[0] = '\0';
  return 0;
}

const char* ct_last_error(void) { return text; }
