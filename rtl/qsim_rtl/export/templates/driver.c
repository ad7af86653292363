/* See @NAME@_driver.h. Plain C99, without a library; compile it with the program. */
#include "@NAME@_driver.h"

static uint32_t get(qsim_port *port, uint32_t address) { return port->read(port->context, address); }

static void put(qsim_port *port, uint32_t address, uint32_t value) { port->write(port->context, address, value); }

/* What qsim_load of qsim.h reaches the registers by. */
#define QSIM_READ(engine, address) get((qsim_port *)(uintptr_t)(engine), address)
#define QSIM_WRITE(engine, address, value) put((qsim_port *)(uintptr_t)(engine), address, value)
#include "@NAME@.h"

#define BEAT_BYTES @BEAT_BYTES@u          /* of s_axis */
#define CODES @CODES@u                    /* in a beat */
#define CODE_BITS @CODE_BITS@u            /* that a code takes there */
#define RESULT_BEAT_BYTES @RESULT_BEAT_BYTES@u /* of m_axis */
#define LOGITS @LOGITS@u                  /* in a beat there */
#define LOGIT_BYTES @LOGIT_BYTES@u        /* that a logit takes there; the class stands above the last one */
#define AHEAD 2u                          /* frames that may be inside */
#define FLAGS 0xff00u                     /* of STATUS */

static const uint32_t digest[8] = {
@DIGEST@
};

/* Drops what is inside, and takes the result that has begun to leave. */
static int emptied(qsim_port *port) {
  uint8_t result[QSIM_RESULT_BYTES];
  uint32_t looks = port->patience;
  put(port, QSIM_CONTROL, QSIM_CONTROL_FLUSH);
  while (get(port, QSIM_STATUS) & QSIM_STATUS_BUSY) {
    if (looks-- == 0) return QSIM_LATE;
    if (port->receive(port->context, result) < 0) return QSIM_STREAM;
  }
  return QSIM_OK;
}

int qsim_open(qsim_port *port) {
  uint32_t i;
  int state;
  if (get(port, QSIM_ID) != QSIM_MAGIC || get(port, QSIM_VERSION) != QSIM_VERSIONS ||
      get(port, QSIM_SHAPE) != @SHAPE_ID@u)
    return QSIM_NO_ENGINE;
  put(port, QSIM_QUIET, 1);
  state = emptied(port);
  put(port, QSIM_CONTROL, QSIM_CONTROL_ACKNOWLEDGE | QSIM_CONTROL_CLEAR);
  qsim_interrupts(port, 0);
  if (state != QSIM_OK) return state;
  for (i = 0; i < 8; i++)
    if (get(port, QSIM_DIGEST0 + 4 * i) != digest[i]) return QSIM_NO_MODEL;
  return QSIM_OK;
}

@LOADS@/* A frame: the codes of each beat side by side, the first lowest; all other bits are 0. */
static void packed(const int32_t *codes, uint8_t *frame) {
  uint32_t i, bit;
  for (i = 0; i < QSIM_FRAME_BYTES; i++) frame[i] = 0;
  for (i = 0; i < QSIM_INPUTS; i++) {
    uint32_t place = i / CODES * BEAT_BYTES * 8 + i % CODES * CODE_BITS;
    for (bit = 0; bit < CODE_BITS; bit++, place++)
      if ((uint32_t)codes[i] >> (bit < 32 ? bit : 31) & 1) frame[place / 8] |= (uint8_t)(1u << place % 8);
  }
}

/* A number of so many bytes, the lowest first. */
static uint64_t number(const uint8_t *bytes, uint32_t count) {
  uint64_t value = 0;
  while (count--) value = value << 8 | bytes[count];
  return value;
}

static void decoded(const uint8_t *result, int64_t *logits, uint32_t *category) {
  const uint64_t sign = (uint64_t)1 << (8 * LOGIT_BYTES - 1);
  const uint8_t *last = result + (QSIM_RESULT_BYTES - RESULT_BEAT_BYTES) + LOGITS * LOGIT_BYTES;
  uint32_t j, above = RESULT_BEAT_BYTES - LOGITS * LOGIT_BYTES;
  for (j = 0; logits && j < QSIM_OUTPUTS; j++) {
    uint64_t raw = number(result + j / LOGITS * RESULT_BEAT_BYTES + j % LOGITS * LOGIT_BYTES, LOGIT_BYTES);
    logits[j] = (int64_t)(raw ^ sign) - (int64_t)sign;
  }
  if (category) *category = (uint32_t)number(last, above < 4 ? above : 4);
}

/* Leaves the engine empty, with its flags told and cleared. */
static int failed(qsim_port *port, int reason) {
  port->errors = get(port, QSIM_STATUS) & FLAGS;
  emptied(port);
  put(port, QSIM_CONTROL, QSIM_CONTROL_ACKNOWLEDGE);
  return reason;
}

int qsim_run(qsim_port *port, const int32_t *codes, uint32_t images, int64_t *logits, uint32_t *classes) {
  uint8_t frame[QSIM_FRAME_BYTES], result[QSIM_RESULT_BYTES];
  uint32_t sent = 0, taken = 0, looks = 0;
  if (!(get(port, QSIM_STATUS) & QSIM_STATUS_VALID)) return QSIM_NO_MODEL;
  while (taken < images) {
    int went = 0, came;
    if (sent < images && sent - taken < AHEAD) {
      packed(codes + (uint64_t)sent * QSIM_INPUTS, frame);
      went = port->send(port->context, frame);
      if (went > 0) sent++;
    }
    came = port->receive(port->context, result);
    if (went < 0 || came < 0) return failed(port, QSIM_STREAM);
    if (came > 0) {
      decoded(result, logits ? logits + (uint64_t)taken * QSIM_OUTPUTS : 0, classes ? classes + taken : 0);
      taken++;
    }
    if (went > 0 || came > 0) looks = 0;
    else if (get(port, QSIM_STATUS) & FLAGS) return failed(port, QSIM_REFUSED);
    else if (looks++ == port->patience) return failed(port, QSIM_LATE);
  }
  return get(port, QSIM_STATUS) & FLAGS ? failed(port, QSIM_REFUSED) : QSIM_OK;
}

void qsim_interrupts(qsim_port *port, int enabled) {
  const uint32_t all = QSIM_INTERRUPT_DONE | QSIM_INTERRUPT_ERROR;
  put(port, QSIM_INTERRUPT_PENDING, all);
  put(port, QSIM_INTERRUPT_ENABLE, enabled ? all : 0);
}

uint32_t qsim_happened(qsim_port *port) {
  uint32_t events = get(port, QSIM_INTERRUPT_PENDING);
  put(port, QSIM_INTERRUPT_PENDING, events);
  return events;
}
