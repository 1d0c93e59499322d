/* What guardian.c and guardian_guard.c share. */
#ifndef HF_OPS_GUARDIAN_INTERNAL_H
#define HF_OPS_GUARDIAN_INTERNAL_H

enum { HF_GUARDIAN_PLAN_MAX = 16 << 20 }; /* bytes */

#endif
