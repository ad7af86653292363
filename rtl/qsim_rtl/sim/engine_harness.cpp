// Drives one engine cycle by cycle, from arrays and into arrays of the caller. `engine.cc` is the
// generated netlist; `binding.h` lists what differs from shape to shape.
#include "engine.cc"
#include "binding.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <type_traits>

using Engine = cxxrtl_design::p_engine;
constexpr int64_t LONG_PAUSE = 100;  // cycles; enough for a small engine to run full, or empty

struct Tape {  // counts every value, keeps the first `capacity`
    int64_t *values;
    int64_t capacity, count;
    void write(int64_t value) {
        if (count < capacity) values[count] = value;
        count++;
    }
};

struct ColumnTape {  // the same for the codes of `lanes` converters at once, `bits` wide each
    uint16_t *values;
    int64_t capacity, count;
    int64_t lanes, bits;
    template <size_t Bits> void write(const cxxrtl::value<Bits> &port) {
        for (int64_t lane = 0; lane < lanes; lane++, count++) {
            if (count >= capacity) continue;
            uint16_t code = 0;
            for (int64_t i = 0, at = lane * bits; i < bits; i++, at++)
                code |= (port.data[at / 32] >> at % 32 & 1u) << i;
            values[count] = code;
        }
    }
};

struct Upset {  // bits of a register that flip as a cycle begins; none where `current` is null
    int64_t cycle;
    uint32_t *current, *next;  // the 32-bit piece of the register's state
    uint32_t mask;
    void strike(int64_t now) const {
        if (!current || now != cycle) return;
        *current ^= mask;
        *next ^= mask;
    }
};

struct Run {
    const uint32_t *data;  // beats x 32-bit pieces of s_axis_tdata, the lowest first
    const uint8_t *last;
    int64_t beats;
    uint32_t stall, seed;  // either side begins to hold back in `stall` of 65536 cycles
    int64_t patience;      // the run ends after so many cycles in which nobody held back and nothing moved
    int64_t limit;         // or after so many cycles in any case
    Tape logits, classes;  // of each result beat
    Tape finished;         // of each result beat with tlast: its cycle, from the first input beat
    Tape *hidden;
    ColumnTape *columns;
    uint32_t first_image;
    int64_t cycles, accepted, short_frames, long_frames, unstable, unsettled;
    int64_t corrected, failed;  // cycles in which words of protected memories were found wrong
    Upset upset;
    int64_t outputs, misplaced;  // results of a frame; those with tlast elsewhere, or without it at the end
};

struct Random {
    uint32_t state;
    uint32_t operator()() {  // xorshift: 16 bits
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        return state >> 16;
    }
};

template <class Word> Word word(const uint32_t *pieces) {
    Word result;
    for (size_t i = 0; i < Word::chunks; i++) result.data[i] = pieces[i];
    return result;
}

template <size_t Bits> const cxxrtl::value<Bits> &bits_of(const cxxrtl::value<Bits> &port) { return port; }
template <size_t Bits> const cxxrtl::value<Bits> &bits_of(const cxxrtl::wire<Bits> &port) { return port.curr; }

template <class Port> int64_t number(const Port &port) {  // two's complement
    constexpr unsigned unused = 64 - std::decay_t<decltype(port)>::bits;
    return static_cast<int64_t>(port.template get<uint64_t>() << unused) >> unused;
}

template <class Memory> void fill(Memory &memory, const uint32_t *pieces, int64_t words) {
    using Word = std::decay_t<decltype(memory[0])>;
    for (int64_t i = 0; i < words; i++) memory[i] = word<Word>(pieces + i * Word::chunks);
}

// One clock cycle in two halves: after `settle` the ports show this cycle, `edge` ends it.
static bool settle(Engine &engine) {
    engine.p_clk.set<bool>(true);
    engine.prev_p_clk.set<bool>(false);
    return engine.eval();
}
static void edge(Engine &engine) { engine.commit(); }

static void reset(Engine &engine) {
    engine.p_rst.set<bool>(true);
    engine.p_s__axis__tvalid.set<bool>(false);
    settle(engine);
    edge(engine);
    engine.p_rst.set<bool>(false);
}

struct Result {
    int64_t logit;
    uint32_t category;
    bool valid, last;
    explicit Result(Engine &engine)
        : logit(number(engine.p_m__axis__tdata)),
          category(engine.p_m__axis__tuser.get<uint32_t>()),
          valid(engine.p_m__axis__tvalid.get<bool>()),
          last(engine.p_m__axis__tlast.get<bool>()) {}
    bool operator==(const Result &other) const {
        return logit == other.logit && category == other.category && valid == other.valid && last == other.last;
    }
};

extern "C" {

Engine *engine_new() { return new Engine; }

void engine_delete(Engine *engine) { delete engine; }

// Fill the memories, in the order of EACH_MEMORY.
void engine_load(Engine *engine, const uint32_t *const *pieces, const int64_t *words) {
#define LOAD(name) fill(engine->memory_p_##name, *pieces++, *words++);
    EACH_MEMORY(LOAD)
}

// Reset, then send all beats and collect what comes out.
void engine_run(Engine *handle, Run *run) {
    Engine &engine = *handle;
    using Data = std::decay_t<decltype(engine.p_s__axis__tdata)>;
    Random random{run->seed * 2654435761u | 1u};
    auto holds_back = [&](int64_t &pause) {  // begun pauses last one cycle or, 1 in 16, LONG_PAUSE
        if (pause == 0 && run->stall && random() < run->stall) pause = random() % 16 ? 1 : LONG_PAUSE;
        return pause && pause--;
    };
    int64_t input_pause = 0, output_pause = 0;
    bool offered = false, waiting = false;
    int64_t start = 0, idle = 0;
    SET_FIRST_IMAGE(engine, run->first_image)
    reset(engine);
    settle(engine);
    Result before(engine);
    run->unstable += before.valid;  // nothing may come out of an engine that was just reset
    run->short_frames += engine.p_short__frame.get<bool>();
    run->long_frames += engine.p_long__frame.get<bool>();
    edge(engine);
    int64_t &cycle = run->cycles;
    for (cycle = 0; cycle < run->limit && idle < run->patience; cycle++) {
        run->upset.strike(cycle);
        bool pending = run->accepted < run->beats;
        offered = pending && (offered || !holds_back(input_pause));
        bool ready = !holds_back(output_pause);
        if (offered) {
            engine.p_s__axis__tdata = word<Data>(run->data + run->accepted * Data::chunks);
            engine.p_s__axis__tlast.set<bool>(run->last[run->accepted]);
        }
        engine.p_s__axis__tvalid.set<bool>(offered);
        engine.p_m__axis__tready.set<bool>(ready);
        run->unsettled += !settle(engine);

        bool taken = offered && engine.p_s__axis__tready.get<bool>();
        if (taken && run->accepted == 0) start = cycle;
        run->accepted += taken;
        Result result(engine);
        if (waiting && !(result == before)) run->unstable++;
        bool given = result.valid && ready;
        waiting = result.valid && !ready;
        before = result;
        if (given) {
            run->logits.write(result.logit);
            run->misplaced += result.last != (run->logits.count % run->outputs == 0);
            run->classes.write(result.category);
            if (result.last) run->finished.write(cycle - start);
        }
        run->short_frames += engine.p_short__frame.get<bool>();
        run->long_frames += engine.p_long__frame.get<bool>();
        COUNT_MEMORY_ERRORS(engine, run)
#define WATCH(i) if (engine.p_code##i##__valid.get<bool>()) run->hidden[i].write(engine.p_code##i.get<uint32_t>());
        EACH_HIDDEN(WATCH)
#define READ(i, k) if (engine.p_columns##i##__valid.get<bool>()) run->columns[k].write(bits_of(engine.p_columns##i));
        EACH_CROSSBAR(READ)
        edge(engine);

        idle = taken || given ? 0 : idle + (ready && (offered || !pending));
        offered = offered && !taken;
    }
}

#ifdef WITH_REGISTERS
// Tell of every piece of every register: its name, the piece's lowest bit and width, where its state is, and
// which bits of the whole register nothing reads.
using Each = void (*)(const char *name, int64_t lowest, int64_t width, uint32_t *current, uint32_t *next,
                      const char *unused);
void engine_registers(Engine *engine, Each each) {
    cxxrtl::debug_items items;
    engine->debug_info(&items, nullptr, "");
    for (auto &[name, parts] : items.table)
        for (auto &part : parts) {
            if (part.type != CXXRTL_WIRE || !(part.flags & CXXRTL_DRIVEN_SYNC)) continue;
            auto found = part.attrs->map.find("unused_bits");
            std::string unused = found == part.attrs->map.end() ? "" : found->second.as_string();
            for (size_t at = 0; at < part.width; at += 32)
                each(name.c_str(), part.lsb_at + at, std::min<size_t>(part.width - at, 32), part.curr + at / 32,
                     part.next + at / 32, unused.c_str());
        }
}
#endif
}
