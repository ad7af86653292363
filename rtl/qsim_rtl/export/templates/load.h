/* How registers are reached: memory-mapped, unless a program says otherwise before it includes this file. */
#ifndef QSIM_READ
#define QSIM_READ(engine, address) ((engine)[(address) / 4])
#define QSIM_WRITE(engine, address, value) ((engine)[(address) / 4] = (value))
#endif

/* What qsim_load gives back. */
#define QSIM_LOADED_MODEL 0   /* the engine holds the model: its digest was read back */
#define QSIM_OTHER_ENGINE 1   /* ID, VERSION, SHAPE or IMAGE_WORDS are not those of these words; nothing was written */
#define QSIM_TIMED_OUT 2      /* frames stay inside; the load was cancelled, the old model stays */
#define QSIM_LOAD_REFUSED 3   /* the load ended early or with another CRC: see STATUS */
#define QSIM_OTHER_DIGEST 4   /* another model is in the engine */

/* Load a model of so many words: once the frames inside are answered, for which STATUS is read at most
   `patience` times. From here on refusals are answered with OKAY (QUIET), so that none aborts the program:
   STATUS is read after every word instead. */
static inline int qsim_load(volatile uint32_t *engine, const uint32_t *words, uint32_t count, uint32_t crc32,
                            uint32_t patience) {
  const uint32_t refused = QSIM_STATUS_OUT_OF_TURN | QSIM_STATUS_WRONG_CRC | QSIM_STATUS_WRONG_SHAPE;
  uint32_t i;
  if (QSIM_READ(engine, QSIM_ID) != QSIM_MAGIC || QSIM_READ(engine, QSIM_VERSION) != QSIM_VERSIONS ||
      QSIM_READ(engine, QSIM_SHAPE) != words[0] || QSIM_READ(engine, QSIM_IMAGE_WORDS) != count)
    return QSIM_OTHER_ENGINE;
  QSIM_WRITE(engine, QSIM_QUIET, 1);
  QSIM_WRITE(engine, QSIM_CONTROL, QSIM_CONTROL_ACKNOWLEDGE);
  QSIM_WRITE(engine, QSIM_CONTROL, QSIM_CONTROL_LOAD);
  while (!(QSIM_READ(engine, QSIM_STATUS) & QSIM_STATUS_LOADING)) {
    if (patience-- == 0) {
      QSIM_WRITE(engine, QSIM_CONTROL, QSIM_CONTROL_CANCEL);
      return QSIM_TIMED_OUT;
    }
  }
  for (i = 0; i < count; i++) {
    QSIM_WRITE(engine, QSIM_LOAD_DATA, words[i]);
    if ((QSIM_READ(engine, QSIM_STATUS) & (refused | QSIM_STATUS_LOADING)) != QSIM_STATUS_LOADING)
      return QSIM_LOAD_REFUSED;
  }
  QSIM_WRITE(engine, QSIM_LOAD_CRC, crc32);
  if ((QSIM_READ(engine, QSIM_STATUS) & (refused | QSIM_STATUS_VALID | QSIM_STATUS_LOADING)) != QSIM_STATUS_VALID)
    return QSIM_LOAD_REFUSED;
  for (i = 0; i < 8; i++)
    if (QSIM_READ(engine, QSIM_DIGEST0 + 4 * i) != words[1 + i]) return QSIM_OTHER_DIGEST;
  return QSIM_LOADED_MODEL;
}
