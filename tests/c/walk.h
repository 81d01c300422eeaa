/* A walk over the elements of a tensor in row-major order. */
#ifndef CT_WALK_H_
#define CT_WALK_H_

#include "ct.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct ct_walk {
  const DLTensor* tensor;
  unsigned char* base; /* of the element whose index is all zero */
  uint64_t bits;       /* of one element */
  int64_t left;        /* elements not yet visited */
  int64_t* index;
} ct_walk;

/* -1: the tensor cannot be walked. ct_walk_end is due in any case. */
int ct_walk_begin(ct_walk* walk, const DLTensor* tensor, uint64_t flags);
int64_t ct_walk_bit(const ct_walk* walk); /* where the element at hand starts, from `base` */
void ct_walk_next(ct_walk* walk);
void ct_walk_end(ct_walk* walk);

#ifdef __cplusplus
}
#endif

#endif
