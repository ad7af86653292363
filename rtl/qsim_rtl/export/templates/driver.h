/* A driver for the engine in this folder: find it, load a model, run frames; no call waits for ever.

   What differs between systems is given as a `qsim_port`: two accesses to registers, and two calls that move a
   frame and a result, each of which returns at once. */
#ifndef QSIM_DRIVER_H
#define QSIM_DRIVER_H
#include <stdint.h>

#define QSIM_FRAME_BYTES @FRAME_BYTES@u   /* of a frame on s_axis */
#define QSIM_RESULT_BYTES @RESULT_BYTES@u /* of a result on m_axis */

enum {
  QSIM_OK = 0,
  QSIM_NO_ENGINE = -1,     /* what answers is no engine of this shape and version */
  QSIM_NO_MODEL = -2,      /* it holds another model, or none */
  QSIM_LATE = -3,          /* it did not get ready, or answer, in so many looks */
  QSIM_REFUSED = -4,       /* a frame or an access was refused, or memory found wrong: see qsim_errors */
  QSIM_STREAM = -5,        /* `send` or `receive` failed */
  QSIM_NOT_LOADED = -6     /* a load failed; qsim_load's reason is in `detail` */
};

typedef struct {
  void *context; /* passed on to each of these */
  uint32_t (*read)(void *context, uint32_t address);
  void (*write)(void *context, uint32_t address, uint32_t value);
  /* Sends QSIM_FRAME_BYTES bytes as one packet: 1 if it was taken, 0 if not yet, less if it failed. */
  int (*send)(void *context, const uint8_t *frame);
  /* Stores the next packet, of QSIM_RESULT_BYTES bytes: 1 if there was one, 0 if not yet, less if it failed. */
  int (*receive)(void *context, uint8_t *result);
  uint32_t patience; /* looks without any progress, of STATUS or of a stream, after which a call gives up */
  uint32_t errors;   /* the flags of STATUS that were raised when a call returned QSIM_REFUSED */
  int detail;
} qsim_port;

#ifdef __cplusplus
extern "C" {
#endif

/* Is this the engine, and does it hold the model? Drops what is inside, clears flags, counters and interrupts.
   From here on refusals are answered without a bus error (QUIET): the flags tell. */
int qsim_open(qsim_port *port);

@LOADS@/* Images of QSIM_INPUTS codes each; `logits` gets QSIM_OUTPUTS of each, `classes` one; either may be null.
   After an error what is inside is dropped, and the engine can be used again. */
int qsim_run(qsim_port *port, const int32_t *codes, uint32_t images, int64_t *logits, uint32_t *classes);

/* The line `irq`: 1 to raise it when a frame is answered or something is wrong, 0 never. */
void qsim_interrupts(qsim_port *port, int enabled);
/* What happened since the last call, QSIM_INTERRUPT_DONE and _ERROR; it lets the line fall. */
uint32_t qsim_happened(qsim_port *port);

#ifdef __cplusplus
}
#endif

#endif
