// Drives an unrolled engine cycle by cycle: images in, results and hidden codes out, both sides pausing at random.
#include "engine.cc"
#include "binding.h"

#include <cstdint>
#include <type_traits>

using Engine = cxxrtl_design::p_engine;

struct Random {
    uint32_t state;
    uint32_t operator()() {  // xorshift: 16 bits
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        return state >> 16;
    }
};

template <size_t Bits> const cxxrtl::value<Bits> &bits_of(const cxxrtl::value<Bits> &port) { return port; }
template <size_t Bits> const cxxrtl::value<Bits> &bits_of(const cxxrtl::wire<Bits> &port) { return port.curr; }

template <class Port> void copy(const Port &port, uint32_t *target) {
    const auto &value = bits_of(port);
    for (size_t i = 0; i < std::decay_t<decltype(value)>::chunks; i++) target[i] = value.data[i];
}

// Blocks are modules of their own, which see the clock's edges themselves: it is really low, then high.
static void settle(Engine &engine) {
    engine.p_clk.set<bool>(false);
    engine.step();
}

static void clock(Engine &engine) {
    engine.p_clk.set<bool>(true);
    engine.step();
}

// images, results and hidden codes in 32-bit pieces, the lowest first; `cycles` counts from the first image to the
// last result. Returns how many results came before `limit` cycles had gone by.
extern "C" int64_t unrolled_run(const uint32_t *images, int64_t count, uint32_t stall, uint32_t seed, int64_t limit,
                                uint32_t *results, uint32_t *const *hidden, int64_t *first, int64_t *cycles) {
    static Engine engine;
    Random random{seed * 2654435761u | 1u};
    using Image = std::decay_t<decltype(engine.p_i____payload)>;
    constexpr size_t result_pieces = std::decay_t<decltype(bits_of(engine.p_o____payload))>::chunks;
    engine.p_rst.set<bool>(true);
    engine.p_i____valid.set<bool>(false);
    settle(engine);
    clock(engine);
    engine.p_rst.set<bool>(false);
    int64_t sent = 0, taken = 0, start = 0;
    bool offered = false;
    int64_t codes[HIDDEN_LAYERS + 1] = {};
    for (*cycles = 0; *cycles < limit && taken < count; ++*cycles) {
        offered = sent < count && (offered || random() >= stall);
        bool ready = random() >= stall;
        if (offered)
            for (size_t i = 0; i < Image::chunks; i++) engine.p_i____payload.data[i] = images[sent * Image::chunks + i];
        engine.p_i____valid.set<bool>(offered);
        engine.p_o____ready.set<bool>(ready);
        settle(engine);
        if (bits_of(engine.p_o____valid).get<bool>() && ready) {
            if (taken == 0) *first = *cycles - start;
            copy(engine.p_o____payload, results + taken++ * result_pieces);
        }
#define WATCH(k)                                                                                                  \
    if (bits_of(engine.p_hidden##k##__valid).get<bool>() && codes[k] < count)                                     \
        copy(engine.p_hidden##k, hidden[k] + codes[k]++ * std::decay_t<decltype(bits_of(engine.p_hidden##k))>::chunks);
        EACH_HIDDEN(WATCH)
        if (offered && bits_of(engine.p_i____ready).get<bool>()) {
            if (sent == 0) start = *cycles;
            sent++;
            offered = false;
        }
        clock(engine);
    }
    return taken;
}
