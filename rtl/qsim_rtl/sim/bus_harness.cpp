// Speaks the buses of one engine cycle by cycle for a caller that hands over whole arrays. `device.cc`
// is the generated netlist.
#include "device.cc"

#include <cstdint>

using Device = cxxrtl_design::p_qsim;

template <size_t bits> const value<bits> &shown(const value<bits> &port) { return port; }
template <size_t bits> const value<bits> &shown(const wire<bits> &port) { return port.curr; }

template <size_t bits> void spread(value<bits> &port, const uint8_t *bytes) {
    value<bits> word;
    for (size_t i = 0; i < bits / 8; i++) word.data[i / 4] |= uint32_t(bytes[i]) << i % 4 * 8;
    port = word;
}

template <size_t bits> void gather(const value<bits> &port, uint8_t *bytes) {
    for (size_t i = 0; i < bits / 8; i++) bytes[i] = port.data[i / 4] >> i % 4 * 8;
}

template <size_t bits> value<bits> all_ones() { return value<bits>().bit_not(); }

struct Random {
    uint32_t state;
    uint32_t operator()() {  // xorshift: 16 bits
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        return state >> 16;
    }
};

struct Exchange {
    const uint8_t *data, *last;
    int64_t beats;
    uint8_t *results, *ends;
    int64_t *finished;  // the cycle of each result beat, from the first input beat
    int64_t wanted;
    uint32_t stall, seed;  // either side holds back in `stall` of 65536 cycles
    int64_t patience;      // the exchange ends after so many cycles in which nothing moved
    int64_t accepted, given, cycles;
};

// One clock cycle in two halves: after `settle` the ports show this cycle, `edge` ends it.
static void settle(Device &d) {
    d.p_aclk.set<bool>(true);
    d.prev_p_aclk.set<bool>(false);
    d.eval();
}
static void edge(Device &d) { d.commit(); }

#define HIGH(port) (shown(d.port).data[0] != 0)

extern "C" {

Device *device_new() { return new Device; }

void device_delete(Device *device) { delete device; }

void device_reset(Device *handle) {
    Device &d = *handle;
    for (auto *port : {&d.p_s__axis__tvalid, &d.p_m__axis__tready, &d.p_s__axil__awvalid,
                       &d.p_s__axil__wvalid, &d.p_s__axil__bready, &d.p_s__axil__arvalid, &d.p_s__axil__rready})
        port->set<bool>(false);
    d.p_s__axis__tkeep = all_ones<INPUT_BYTES>();
    d.p_aresetn.set<bool>(false);
    settle(d);
    edge(d);
    d.p_aresetn.set<bool>(true);
}

// Fill a memory named by its place in EACH_MEMORY, as a bitstream would.
void device_preload(Device *handle, const uint32_t *const *pieces, const int64_t *words) {
    Device &d = *handle;
    auto fill = [](auto &memory, const uint32_t *piece, int64_t count) {
        for (int64_t i = 0; i < count; i++)
            for (auto &chunk : memory[i].data) chunk = *piece++;
    };
#define FILL(name) fill(d.memory_p_##name, *pieces++, *words++);
    EACH_MEMORY(FILL)
}

// Write words to one address, one after another; the answer to the first that is not OKAY, or -1 if none comes.
int device_write(Device *handle, uint32_t address, const uint32_t *words, int64_t count, int64_t patience) {
    Device &d = *handle;
    for (int64_t i = 0; i < count; i++) {
        d.p_s__axil__awaddr.set<uint32_t>(address);
        d.p_s__axil__wdata.set<uint32_t>(words[i]);
        d.p_s__axil__wstrb.set<uint32_t>(15);
        d.p_s__axil__bready.set<bool>(true);
        bool address_open = true, data_open = true, answered = false;
        for (int64_t cycle = 0; !answered; cycle++) {
            if (cycle == patience) return -1;
            d.p_s__axil__awvalid.set<bool>(address_open);
            d.p_s__axil__wvalid.set<bool>(data_open);
            settle(d);
            if (HIGH(p_s__axil__awready)) address_open = false;
            if (HIGH(p_s__axil__wready)) data_open = false;
            answered = HIGH(p_s__axil__bvalid);
            int answer = shown(d.p_s__axil__bresp).data[0];
            edge(d);
            if (answered && answer) return answer;
        }
    }
    return 0;
}

int device_read(Device *handle, uint32_t address, uint32_t *word, int64_t patience) {
    Device &d = *handle;
    d.p_s__axil__araddr.set<uint32_t>(address);
    d.p_s__axil__rready.set<bool>(true);
    bool offered = true;
    for (int64_t cycle = 0; cycle < patience; cycle++) {
        d.p_s__axil__arvalid.set<bool>(offered);
        settle(d);
        if (HIGH(p_s__axil__arready)) offered = false;
        bool answered = HIGH(p_s__axil__rvalid);
        *word = shown(d.p_s__axil__rdata).data[0];
        int answer = shown(d.p_s__axil__rresp).data[0];
        edge(d);
        if (answered) return answer;
    }
    return -1;
}

// Send beats and collect results until all of both have moved, or nothing moves any more.
void device_exchange(Device *handle, Exchange *x) {
    Device &d = *handle;
    Random random{x->seed * 2654435761u | 1u};
    auto holds_back = [&] { return x->stall && random() < x->stall; };
    bool offered = false;
    int64_t start = 0, idle = 0;
    for (x->cycles = 0; (x->accepted < x->beats || x->given < x->wanted) && idle < x->patience; x->cycles++) {
        bool pending = x->accepted < x->beats;
        offered = pending && (offered || !holds_back());
        bool ready = x->given < x->wanted && !holds_back();
        if (offered) {
            spread(d.p_s__axis__tdata, x->data + x->accepted * INPUT_BYTES);
            d.p_s__axis__tlast.set<bool>(x->last[x->accepted]);
        }
        d.p_s__axis__tvalid.set<bool>(offered);
        d.p_m__axis__tready.set<bool>(ready);
        settle(d);
        bool taken = offered && HIGH(p_s__axis__tready), given = ready && HIGH(p_m__axis__tvalid);
        if (taken && x->accepted == 0) start = x->cycles;
        x->accepted += taken;
        if (given) {
            gather(shown(d.p_m__axis__tdata), x->results + x->given * RESULT_BYTES);
            x->ends[x->given] = HIGH(p_m__axis__tlast);
            x->finished[x->given++] = x->cycles - start;
        }
        edge(d);
        idle = taken || given ? 0 : idle + 1;
        offered = offered && !taken;
    }
    d.p_s__axis__tvalid.set<bool>(false);
    d.p_m__axis__tready.set<bool>(false);
}
}
