// Plays the test vectors on the engine and says PASS or FAIL; no tool but a simulator is needed.
//   with Icarus,    iverilog -g2009 -o testbench.vvp testbench.v @NAME@.v && vvp -n testbench.vvp
//   with Verilator, verilator --binary --timing -Wno-fatal -Wno-lint --top-module testbench testbench.v @NAME@.v
// Run it in this folder: memories and vectors are read from the files beside it.
//@loads
//
// Two models answer the same images: the exported one, which the memories hold from the start, and a
// probe, loaded over the bus, whose classes tie, whose accumulators meet thresholds and reach their limits.
//@end
`timescale 1ns / 1ps
module testbench;
  localparam FRAMES = @FRAMES@, BEATS = @BEATS@, OUTPUTS = @OUTPUTS@;
  localparam IN = @IN@, OUT = @OUT@, RESULTS = FRAMES * OUTPUTS;
  localparam BYTE_STREAM = @BYTE_STREAM@, LATENCY = @LATENCY@, INTERVAL = @INTERVAL@;
  localparam [31:0] SHAPE_ID = 32'h@SHAPE@, VERSION_ID = 32'h@VERSION@;
  localparam [255:0] OWN_DIGEST = 256'h@DIGEST@;
//@loads
  localparam WORDS = @WORDS@;
  localparam [31:0] OWN_CRC = 32'h@CRC@, PROBE_CRC = 32'h@PROBE_CRC@;
  localparam [255:0] PROBE_DIGEST = 256'h@PROBE_DIGEST@;
//@end
  localparam [6:0] @ADDRESSES@;
  localparam [31:0] @BITS@;
  localparam PATIENCE = 4 * (LATENCY + INTERVAL + 64), ANSWER = 64, OKAY = 0, SLVERR = 2;
  localparam FLOWING = 0, STALLING = 1, HOLDING = 2;  // how the two streams are played

  reg aclk = 0, aresetn = 0;
  reg [IN-1:0] s_axis_tdata = 0;
  reg s_axis_tvalid = 0, s_axis_tlast = 0, m_axis_tready = 0;
  wire s_axis_tready, m_axis_tvalid, m_axis_tlast;
  wire [OUT-1:0] m_axis_tdata;
  wire [OUT/8-1:0] m_axis_tkeep;
  localparam [IN/8-1:0] WHOLE = {IN / 8{1'b1}};
  reg [IN/8-1:0] kept = WHOLE;
//@axi-lite
  reg [6:0] s_axil_awaddr = 0, s_axil_araddr = 0;
  reg [31:0] s_axil_wdata = 0;
  reg [3:0] s_axil_wstrb = 0;
  reg s_axil_awvalid = 0, s_axil_wvalid = 0, s_axil_bready = 0, s_axil_arvalid = 0, s_axil_rready = 0;
  wire s_axil_awready, s_axil_wready, s_axil_bvalid, s_axil_arready, s_axil_rvalid;
  wire [1:0] s_axil_bresp, s_axil_rresp;
  wire [31:0] s_axil_rdata;
//@wishbone
  reg s_wb_cyc = 0, s_wb_stb = 0, s_wb_we = 0;
  reg [4:0] s_wb_adr = 0;
  reg [3:0] s_wb_sel = 0;
  reg [31:0] s_wb_dat_w = 0;
  wire [31:0] s_wb_dat_r;
  wire s_wb_ack, s_wb_err;
//@end
  wire irq;
  always #5 aclk = ~aclk;

  @NAME@ dut (
      .aclk(aclk), .aresetn(aresetn),
      .s_axis_tdata(s_axis_tdata), .s_axis_tkeep(kept), .s_axis_tvalid(s_axis_tvalid),
      .s_axis_tready(s_axis_tready), .s_axis_tlast(s_axis_tlast),
      .m_axis_tdata(m_axis_tdata), .m_axis_tkeep(m_axis_tkeep), .m_axis_tvalid(m_axis_tvalid),
      .m_axis_tready(m_axis_tready), .m_axis_tlast(m_axis_tlast),
//@axi-lite
      .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(3'd0),
      .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready),
      .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(s_axil_wstrb),
      .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
      .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
      .s_axil_araddr(s_axil_araddr), .s_axil_arprot(3'd0),
      .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
      .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
      .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready),
//@wishbone
      .s_wb_cyc(s_wb_cyc), .s_wb_stb(s_wb_stb), .s_wb_we(s_wb_we), .s_wb_adr(s_wb_adr),
      .s_wb_sel(s_wb_sel), .s_wb_dat_w(s_wb_dat_w), .s_wb_dat_r(s_wb_dat_r),
      .s_wb_ack(s_wb_ack), .s_wb_err(s_wb_err),
//@end
      .irq(irq));

  reg [IN-1:0] sent[0:FRAMES*BEATS-1];
//@loads
  reg [OUT-1:0] expected[0:2*RESULTS-1];  // the model's, then the probe's
  reg [31:0] load[0:2*WORDS-1];  // likewise
//@constant
  reg [OUT-1:0] expected[0:RESULTS-1];
//@end

  integer errors = 0, cycle = 0, idle = 0, i = 0, tick = 0, word = 0, step = 0;
  reg [31:0] noise = 32'h2545f491, chosen = 0, check = 0;
  integer first = 0, count = 0, every = 1, offset = 0, next = 0, started = 0, style = FLOWING;
  integer base = 0, result = 0, finished[0:FRAMES-1];
  reg sending = 0, listening = 0, refused = 0, offered_last = 0;
  reg [OUT-1:0] offered = 0;
  reg [31:0] answered = 0;
//@axi-lite
  reg [1:0] parts = 0;  // of a write that is not finished: address, data
  reg address_due = 0, data_due = 0, address_taken = 0, data_taken = 0;
//@wishbone
  reg [1:0] parts = 0;  // kinds of accesses that are left
  reg refusal = 0;
//@end

  task fail(input [8*40-1:0] what, input [OUT+31:0] found, input [OUT+31:0] wanted);
    begin
      errors = errors + 1;
      $display("FAIL: %0s is %h, not %h (result %0d)", what, found, wanted, result);
      if (errors >= 10) $fatal;
    end
  endtask

  // The stream in: `count` beats from beat `first` on, TLAST on every `every`th. What is offered stays until taken.
  always @(posedge aclk) begin
    cycle <= cycle + 1;
    noise <= {noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
    idle <= s_axis_tvalid && s_axis_tready || m_axis_tvalid && m_axis_tready ? 0 : idle + 1;
    if (!sending) begin
      s_axis_tvalid <= 0;
      offset <= 0;
    end else begin
      next = offset + (s_axis_tvalid && s_axis_tready);
      offset <= next;
      if (offset == 0 && next == 1) started <= cycle;
      if (!s_axis_tvalid || s_axis_tready) begin
        s_axis_tvalid <= next < count && !(style == STALLING && noise[1:0] == 0);
        s_axis_tdata <= sent[(first+next)%(FRAMES*BEATS)];
        s_axis_tlast <= next % every == every - 1;
      end
    end
  end

  // The stream out: the results from `expected[base]` on. While HOLDING, none is taken until all inside stands still.
  always @(posedge aclk) begin
    if (!listening) begin
      m_axis_tready <= 0;
      result <= 0;
      refused <= 0;
    end else begin
      m_axis_tready <= !(style == STALLING && noise[4:3] == 0)
          && !(style == HOLDING && result % OUTPUTS == 0 && idle < INTERVAL + 32);
      refused <= m_axis_tvalid && !m_axis_tready;
      offered <= m_axis_tdata;
      offered_last <= m_axis_tlast;
      if (refused && (!m_axis_tvalid || offered !== m_axis_tdata || offered_last !== m_axis_tlast))
        fail("an offered result", m_axis_tdata, offered);
      if (m_axis_tvalid && m_axis_tready) begin
        if (result >= RESULTS) fail("a result too many", m_axis_tdata, 0);
        else begin
          if (m_axis_tdata !== expected[base+result]) fail("class, logit", m_axis_tdata, expected[base+result]);
          if (m_axis_tkeep !== {OUT / 8{1'b1}}) fail("TKEEP", m_axis_tkeep, {OUT / 8{1'b1}});
          if (m_axis_tlast !== (result % OUTPUTS == OUTPUTS - 1)) fail("TLAST", m_axis_tlast, !m_axis_tlast);
          if (m_axis_tlast) finished[result/OUTPUTS] <= cycle;
        end
        result <= result + 1;
      end
    end
    if (m_axis_tvalid === 1'bx || s_axis_tready === 1'bx) fail("a handshake", m_axis_tvalid, 0);
  end

  // All else is driven at the falling edge, and looked at shortly after it, when it has settled.
  task settled;
    begin
      @(negedge aclk);
      #2;
    end
  endtask

  task send(input integer from, input integer beats, input integer period);
    begin
      @(negedge aclk) first = from;
      count = beats;
      every = period;
      sending = 1;
      idle = 0;
      settled;
      while (offset != beats && idle < PATIENCE) settled;
      if (offset != beats) fail("number of beats taken", offset, beats);
      @(negedge aclk) sending = 0;
      settled;
    end
  endtask

  // Begins to take results: those of the model, or of the probe.
  task listen(input integer where, input integer how);
    begin
      @(negedge aclk) base = where;
      style = how;
      listening = 1;
    end
  endtask

  task all_come(input integer wanted);
    begin
      idle = 0;
      while (idle < (result == wanted ? 64 : PATIENCE)) settled;
      if (result != wanted) fail("number of results", result, wanted);
      @(negedge aclk) listening = 0;
      style = FLOWING;
      settled;
    end
  endtask

  task play_some(input integer where, input integer how, input integer frames);
    begin
      write(CONTROL, FLUSH, 15, OKAY);  // read noise, where there is any, counts from the first image again
      listen(where, how);
      send(0, frames * BEATS, BEATS);
      all_come(frames * OUTPUTS);
    end
  endtask

  task play(input integer where, input integer how);
    play_some(where, how, FRAMES);
  endtask

  // Frames of other lengths give no result, are counted, and disturb none before or after.
  task refuse_frames;
    begin
      write(CONTROL, CLEAR | FLUSH, 15, OKAY);
      listen(0, FLOWING);
      if (BEATS > 1) send(1, BEATS - 1, BEATS - 1);
      send(0, BEATS, BEATS);
      send(3, BEATS + 1, BEATS + 1);
      if (FRAMES > 1) send(BEATS, BEATS, BEATS);
      send(1, 2 * BEATS + 1, 2 * BEATS + 1);
      if (BEATS > 1) send(2, 1, 1);
      if (FRAMES > 2) send(2 * BEATS, (FRAMES - 2) * BEATS, BEATS);
      all_come(RESULTS);
      expect_register(IMAGES, 32'hffffffff, FRAMES);
      expect_register(SHORT_FRAMES, 32'hffffffff, BEATS > 1 ? 2 : 0);
      expect_register(LONG_FRAMES, 32'hffffffff, 2);
      write(CONTROL, CLEAR, 15, OKAY);
      expect_register(IMAGES, 32'hffffffff, 0);
      expect_register(CYCLES, 32'hffffffff, 0);
      expect_register(SHORT_FRAMES, 32'hffffffff, 0);
      expect_register(LONG_FRAMES, 32'hffffffff, 0);
    end
  endtask

  task interrupted(input [31:0] events, input line);
    begin
      if (irq !== line) fail("the interrupt line", irq, line);
      expect_register(INTERRUPT_PENDING, 32'hffffffff, events);
      if (irq !== line) fail("the interrupt line after a read", irq, line);
    end
  endtask

  // An event waits until a 1 is written to it, and drives the line while it is enabled.
  task interrupts;
    begin
      interrupted(DONE, 0);
      expect_register(INTERRUPT_ENABLE, 32'hffffffff, 0);
      write(INTERRUPT_ENABLE, ERROR, 15, OKAY);
      interrupted(DONE, 0);
      write(INTERRUPT_ENABLE, DONE, 7, SLVERR);
      interrupted(DONE | ERROR, 1);
      write(INTERRUPT_PENDING, ERROR, 15, OKAY);
      interrupted(DONE, 0);
      write(INTERRUPT_ENABLE, 32'hffffffff, 15, OKAY);
      expect_register(INTERRUPT_ENABLE, 32'hffffffff, DONE | ERROR);
      interrupted(DONE, 1);
      write(INTERRUPT_PENDING, ~DONE, 15, OKAY);
      interrupted(DONE, 1);
      write(INTERRUPT_PENDING, DONE, 15, OKAY);
      interrupted(0, 0);
      write(CONTROL, ACKNOWLEDGE | FLUSH, 15, OKAY);
      send(0, BEATS, BEATS);  // its result comes, but nobody takes it
      repeat (LATENCY) settled;
      interrupted(0, 0);
      listen(0, FLOWING);
      all_come(OUTPUTS);
      interrupted(DONE, 1);
      write(INTERRUPT_PENDING, DONE, 15, OKAY);
      send(0, BEATS + 1, BEATS + 1);
      repeat (LATENCY) settled;
      interrupted(ERROR, 1);
      write(INTERRUPT_PENDING, ERROR, 15, OKAY);
      if (BEATS > 1) begin
        send(0, BEATS - 1, BEATS - 1);
        repeat (LATENCY) settled;
        interrupted(ERROR, 1);
      end
      write(INTERRUPT_PENDING, DONE | ERROR, 15, OKAY);
      write(CONTROL, CLEAR, 15, OKAY);
    end
  endtask

  // Counters have all their bits: each is set to one below the highest, and goes on.
  task count_far;
    begin
      write(CONTROL, FLUSH, 15, OKAY);
      @(negedge aclk) dut.control.images = 32'h7fffffff;
      dut.control.cycles = 32'h7fffffff;
      dut.control.short_frames = 32'h7fffffff;
      dut.control.long_frames = 32'h7fffffff;
      listen(0, FLOWING);
      send(0, BEATS, BEATS);
      send(0, BEATS + 1, BEATS + 1);
      if (BEATS > 1) send(0, 1, 1);
      all_come(OUTPUTS);
      expect_register(IMAGES, 32'hffffffff, 32'h80000000);
      expect_register(CYCLES, 32'h80000000, 32'h80000000);
      expect_register(LONG_FRAMES, 32'hffffffff, 32'h80000000);
      expect_register(SHORT_FRAMES, 32'hffffffff, BEATS > 1 ? 32'h80000000 : 32'h7fffffff);
      write(CONTROL, CLEAR, 15, OKAY);
    end
  endtask

//@loads
  // A load waits for the frames inside, also one that has come in in part, whose rest is taken; lets no
  // other in, and loses nothing; it can be cancelled.
  task wait_for_turn;
    begin
      write(CONTROL, FLUSH, 15, OKAY);
      if (BEATS > 1) begin
        send(0, 1, BEATS);
        expect_register(STATUS, 32'hffffffff, VALID | BUSY);
        write(CONTROL, LOAD, 15, OKAY);
        expect_register(STATUS, 32'hffffffff, VALID | BUSY | WAITING);
        listen(0, FLOWING);
        send(1, BEATS - 1, BEATS - 1);
        all_come(OUTPUTS);
        expect_register(STATUS, 32'hffffffff, VALID | LOADING);
        write(CONTROL, CANCEL, 15, OKAY);
      end
      send(0, BEATS, BEATS);
      expect_register(STATUS, 32'hffffffff, VALID | BUSY);
      repeat (8) read(CYCLES, 0, 0, OKAY);  // counts while its answer waits
      write(CONTROL, LOAD, 15, OKAY);
      expect_register(STATUS, 32'hffffffff, VALID | BUSY | WAITING);
      send_nothing;
      write(CONTROL, CANCEL, 15, OKAY);
      expect_register(STATUS, 32'hffffffff, VALID | BUSY);
      if (FRAMES > 1) send(BEATS, BEATS, BEATS);
      write(CONTROL, LOAD, 15, OKAY);
      listen(0, FLOWING);
      all_come(FRAMES > 1 ? 2 * OUTPUTS : OUTPUTS);
      expect_register(STATUS, 32'hffffffff, VALID | LOADING);
      send_nothing;
      write(CONTROL, CANCEL, 15, OKAY);
      expect_register(STATUS, 32'hffffffff, VALID);
    end
  endtask

//@end
//@axi-lite
  // A write and a read whose answers nobody takes, or of the write just its address or its data.
  task leave_unanswered;
    begin
      parts = parts == 3 ? 1 : parts + 1;
      @(negedge aclk) s_axil_awaddr = IMAGES;
      s_axil_araddr = IMAGES;
      s_axil_wstrb = 15;
      {s_axil_wvalid, s_axil_awvalid, s_axil_arvalid} = {parts, 1'b1};
      @(negedge aclk) {s_axil_wvalid, s_axil_awvalid, s_axil_arvalid} = 0;
      repeat (4) settled;
      if ({s_axil_bvalid, s_axil_rvalid} !== {parts == 3, 1'b1}) fail("BVALID, RVALID", s_axil_bvalid, parts == 3);
    end
  endtask

//@wishbone
  // A read or a write that a reset meets, one or two cycles old.
  task leave_unanswered;
    begin
      parts = parts + 1;
      @(negedge aclk) {s_wb_cyc, s_wb_stb, s_wb_we} = {2'b11, parts[0]};
      s_wb_adr = IMAGES[6:2];
      s_wb_sel = 15;
      if (parts[1]) @(negedge aclk);
    end
  endtask

//@end
  // Every output is 0 in a reset, whatever was offered; counters and flags are 0 after it.
  task reset(input [31:0] status);
    begin
      leave_unanswered;
      @(negedge aclk) aresetn = 0;
      #2 if (s_axis_tready !== 0) fail("TREADY in a reset", s_axis_tready, 0);
      settled;
//@axi-lite
      if ({s_axis_tready, m_axis_tvalid, s_axil_bvalid, s_axil_rvalid} !== 0) fail("an output in a reset", 1, 0);
      if ({s_axil_awready, s_axil_wready, s_axil_arready} !== 0) fail("a ready in a reset", 1, 0);
//@wishbone
      if ({s_axis_tready, m_axis_tvalid, s_wb_ack, s_wb_err} !== 0) fail("an output in a reset", 1, 0);
      {s_wb_cyc, s_wb_stb} = 0;
//@end
      aresetn = 1;
      listening = 0;
      #1 if (s_axis_tready !== status[0]) fail("TREADY after a reset", s_axis_tready, status[0]);
      expect_register(CYCLES, 32'hffffffff, 0);
      expect_register(IMAGES, 32'hffffffff, 0);
      expect_register(SHORT_FRAMES, 32'hffffffff, 0);
      expect_register(LONG_FRAMES, 32'hffffffff, 0);
//@loads
      expect_register(LOADED, 32'hffffffff, 0);
//@end
      expect_register(INTERRUPT_ENABLE, 32'hffffffff, 0);
      interrupted(0, 0);
      expect_register(STATUS, 32'hffffffff, status);
    end
  endtask

  // A reset when a packet has begun to leave, all has been counted, and flags are raised.
  task reset_a_packet;
    begin
//@loads
      write(CONTROL, LOAD, 15, OKAY);
      write(LOAD_DATA, ~SHAPE_ID, 15, SLVERR);
      write(LOAD_CRC, 0, 15, SLVERR);
//@end
      write(QUIET, 1, 15, OKAY);
      write(INTERRUPT_ENABLE, DONE | ERROR, 15, OKAY);
      write(IMAGES, 0, 15, OKAY);
      if (!BYTE_STREAM) kept = WHOLE << 1;
      send(0, BEATS, BEATS);
      kept = WHOLE;
      if (BEATS > 1) send(0, 1, 1);
      send(0, BEATS + 1, BEATS + 1);
      repeat (LATENCY) settled;
      listen(0, FLOWING);
      while (result == 0 && idle < PATIENCE) settled;
      @(negedge aclk) listening = 0;
      write(CONTROL, FLUSH, 15, OKAY);
      reset(VALID);
      write(CONTROL, FLUSH, 15, OKAY);
      listen(0, FLOWING);
      send(0, BEATS, BEATS);
      all_come(OUTPUTS);
      expect_register(IMAGES, 32'hffffffff, 1);
    end
  endtask

  // Frames inside are dropped at any moment, by a flush or a reset, and leave nothing behind but the model.
  // A packet that has begun to leave when the flush comes is completed.
  task abort_frames(input integer cycles, input by_reset);
    begin
      write(CONTROL, FLUSH, 15, OKAY);
      send(0, BEATS, BEATS);
      if (BEATS > 1) send(0, 1, BEATS);
      expect_register(STATUS, 32'hffffffff, VALID | BUSY);
      repeat (cycles) settled;
      if (by_reset) reset(VALID);
      else begin
        write(CONTROL, FLUSH, 15, OKAY);
        listen(0, FLOWING);
        idle = 0;
        while (idle < 64) settled;
        if (result != 0 && result != OUTPUTS) fail("number of results", result, OUTPUTS);
        @(negedge aclk) listening = 0;
        settled;
      end
      expect_register(STATUS, 32'hffffffff, VALID);
      listen(0, FLOWING);
      send(0, BEATS, BEATS);
      all_come(OUTPUTS);
    end
  endtask

//@constant
  // A reset of one cycle while the first layer is at work on a frame; the one after it waits, and goes in at once.
  task reset_amid(input integer cycles, input integer frame);
    begin
      write(CONTROL, FLUSH, 15, OKAY);
      listen((frame + 1) % FRAMES * OUTPUTS, FLOWING);
      send(frame * BEATS, BEATS, BEATS);
      repeat (cycles) settled;
      fork
        send((frame + 1) % FRAMES * BEATS, BEATS, BEATS);
        begin
          @(negedge aclk) aresetn = 0;
          @(negedge aclk) aresetn = 1;
        end
      join
      all_come(OUTPUTS);
    end
  endtask

//@end
  // A flush completes the packet that is leaving, and nothing is taken meanwhile.
  task flush_a_packet;
    begin
      write(CONTROL, FLUSH, 15, OKAY);
      send(0, BEATS, BEATS);
      send(0, BEATS, BEATS);
      repeat (LATENCY) settled;
      write(CONTROL, FLUSH, 15, OKAY);
      send_nothing;
      listen(0, FLOWING);
      all_come(OUTPUTS);
      expect_register(STATUS, 32'hffffffff, VALID);
    end
  endtask

  // A beat without one of its bytes is told; a stream of bytes refuses its frame.
  task tear_a_beat;
    begin
      kept = WHOLE << 1;
      repeat (4) settled;
      expect_register(STATUS, 32'hffffffff, VALID);
      if (BYTE_STREAM) begin
        listen(0, FLOWING);
        send(0, BEATS, BEATS);
        all_come(0);
        expect_register(SHORT_FRAMES, 32'hffffffff, 1);
      end else play_some(0, FLOWING, 1);
      kept = WHOLE;
      expect_register(STATUS, 32'hffffffff, VALID | TORN);
      write(CONTROL, ACKNOWLEDGE, 15, OKAY);
      expect_register(STATUS, 32'hffffffff, VALID);
    end
  endtask

//@axi-lite
  // Writes address and data together or either first, and lets the answer wait now and then.
  task write(input [6:0] address, input [31:0] data, input [3:0] strobes, input [1:0] wanted);
    begin
      @(negedge aclk) s_axil_awaddr = address;
      s_axil_wdata = data;
      s_axil_wstrb = strobes;
      address_due = 1;
      data_due = 1;
      chosen = noise;
      for (tick = 0; (address_due || data_due) && tick < ANSWER; tick = tick + 1) begin
        s_axil_awvalid = address_due && (tick > 2 || chosen[7:5] != 1);
        s_axil_wvalid = data_due && (tick > 2 || chosen[7:5] != 2);
        #2 address_taken = s_axil_awvalid && s_axil_awready;
        data_taken = s_axil_wvalid && s_axil_wready;
        if (!address_due && s_axil_awready || !data_due && s_axil_wready) fail("a ready for the next write", 1, 0);
        @(negedge aclk);
        if (address_taken) address_due = 0;
        if (data_taken) data_due = 0;
      end
      s_axil_awvalid = 0;
      s_axil_wvalid = 0;
      if (address_due || data_due) fail("a write not taken", address, data);
      #2;
      for (tick = 0; s_axil_bvalid !== 1 && tick < ANSWER; tick = tick + 1) settled;
      if (chosen[10:8] == 0) repeat (3) settled;
      if ({s_axil_awready, s_axil_wready} !== 3) fail("a ready beside an answer", {s_axil_awready, s_axil_wready}, 3);
      if (s_axil_bvalid !== 1 || s_axil_bresp !== wanted) fail("BRESP of a write", s_axil_bresp, wanted);
      @(negedge aclk) s_axil_bready = 1;
      @(negedge aclk) s_axil_bready = 0;
      #2 if (s_axil_bvalid !== 0) fail("BVALID", s_axil_bvalid, 0);
    end
  endtask

  task read(input [6:0] address, input [31:0] mask, input [31:0] value, input [1:0] answer);
    begin
      @(negedge aclk) s_axil_araddr = address;
      s_axil_arvalid = 1;
      #2;
      for (tick = 0; s_axil_arready !== 1 && tick < ANSWER; tick = tick + 1) settled;
      @(negedge aclk) s_axil_arvalid = 0;
      s_axil_araddr = ~address;
      #2;
      for (tick = 0; s_axil_rvalid !== 1 && tick < ANSWER; tick = tick + 1) settled;
      answered = s_axil_rdata;
      if (noise[9:8] == 0) repeat (3) settled;
      if (s_axil_rdata !== answered) fail("RDATA that waits", s_axil_rdata, answered);
      if (s_axil_rvalid !== 1 || s_axil_rresp !== answer) fail("RRESP of a read", s_axil_rresp, answer);
      if ((s_axil_rdata & mask) !== value) fail("register", s_axil_rdata, value);
      @(negedge aclk) s_axil_rready = 1;
      @(negedge aclk) s_axil_rready = 0;
      #2 if (s_axil_rvalid !== 0) fail("RVALID", s_axil_rvalid, 0);
    end
  endtask

//@wishbone
  // Nothing is answered that is not asked.
  always @(posedge aclk)
    if ((s_wb_ack || s_wb_err) !== 0 && !(s_wb_cyc && s_wb_stb)) fail("an answer to nothing", {s_wb_ack, s_wb_err}, 0);

  // Raises CYC or STB a while before the other now and then, holds both until the answer, and leaves CYC now and then.
  task access(input [6:0] address, input writes, input [31:0] data, input [3:0] bytes);
    begin
      @(negedge aclk) {s_wb_cyc, s_wb_stb} = noise[5] ? 1 : 2;
      if (noise[7:6] == 0) repeat (4) settled;
      {s_wb_cyc, s_wb_stb} = 3;
      {s_wb_we, s_wb_sel, s_wb_adr, s_wb_dat_w} = {writes, bytes, address[6:2], data};
      for (tick = 0; {s_wb_ack, s_wb_err} === 0 && tick < ANSWER; tick = tick + 1) settled;
      if ((s_wb_ack ^ s_wb_err) !== 1) fail("ACK, ERR", {s_wb_ack, s_wb_err}, 1);
      if (tick != (writes ? 2 : 3)) fail("cycles of an access", tick, writes ? 2 : 3);
      answered = s_wb_dat_r;
      refusal = s_wb_err;
      @(negedge aclk) {s_wb_cyc, s_wb_stb} = {noise[8], 1'b0};
      #2 if ({s_wb_ack, s_wb_err} !== 0) fail("ACK, ERR after an answer", {s_wb_ack, s_wb_err}, 0);
    end
  endtask

  // A read or a write that is let go so many cycles after it came, unanswered.
  task abandon(input integer cycles, input writes);
    begin
      @(negedge aclk) {s_wb_cyc, s_wb_stb, s_wb_we, s_wb_sel, s_wb_adr} = {2'b11, writes, 4'd15, IMAGES[6:2]};
      repeat (cycles) @(negedge aclk);
      {s_wb_cyc, s_wb_stb} = noise[5] ? 1 : 2;
      repeat (4) settled;
    end
  endtask

  task write(input [6:0] address, input [31:0] data, input [3:0] strobes, input [1:0] wanted);
    begin
      access(address, 1, data, strobes);
      if (refusal !== wanted[1]) fail("ERR of a write", refusal, wanted[1]);
    end
  endtask

  task read(input [6:0] address, input [31:0] mask, input [31:0] value, input [1:0] wanted);
    begin
      access(address, 0, 0, 15);
      if (refusal !== wanted[1]) fail("ERR of a read", refusal, wanted[1]);
      if ((answered & mask) !== value) fail("register", answered, value);
    end
  endtask

//@end
  task expect_register(input [6:0] address, input [31:0] mask, input [31:0] value);
    read(address, mask, value, OKAY);
  endtask

  task expect_digest(input [255:0] digest);
    for (i = 0; i < 8; i = i + 1) expect_register(DIGEST0 + 4 * i, 32'hffffffff, digest[255-32*i-:32]);
  endtask

  // What the map does not have, and what comes without its turn, is answered with SLVERR (Wishbone: ERR) and changes nothing.
  task refuse_accesses;
    begin
      expect_register(IMAGES, 32'hffffffff, FRAMES);
      for (i = 0; i < 4; i = i + 1) write(CONTROL, LOAD | CLEAR, 4'd15 ^ 4'd1 << i, SLVERR);
      expect_register(STATUS, 32'hffffffff, VALID | ILLEGAL);
      write(CONTROL, ACKNOWLEDGE, 15, OKAY);
      expect_register(STATUS, 32'hffffffff, VALID);
//@axi-lite
      write(CONTROL + 1, LOAD | CLEAR, 15, SLVERR);
      write(CONTROL + 2, LOAD | CLEAR, 15, SLVERR);
//@wishbone
      for (i = 1; i < 4; i = i + 1) abandon(i, 0);
      for (i = 1; i < 3; i = i + 1) abandon(i, 1);
//@end
      write(IMAGES, 0, 15, SLVERR);
      expect_register(STATUS, 32'hffffffff, VALID | ILLEGAL);
      write(CONTROL, ACKNOWLEDGE, 15, OKAY);
//@loads
      expect_register(LOAD_CRC, 32'hffffffff, 0);
//@end
      read(7'h7c, 0, 0, SLVERR);
      expect_register(STATUS, 32'hffffffff, VALID | ILLEGAL);
      write(CONTROL, ACKNOWLEDGE, 15, OKAY);
//@loads
      write(LOAD_DATA, SHAPE_ID, 15, SLVERR);
      expect_register(STATUS, 32'hffffffff, VALID | OUT_OF_TURN);
      write(CONTROL, ACKNOWLEDGE, 15, OKAY);
      write(LOAD_CRC, OWN_CRC, 15, SLVERR);
      expect_register(STATUS, 32'hffffffff, VALID | OUT_OF_TURN);
      write(CONTROL, ACKNOWLEDGE, 15, OKAY);
//@constant
      write(LOAD_DATA, SHAPE_ID, 15, SLVERR);
      write(LOAD_CRC, 0, 15, SLVERR);
      write(CONTROL, LOAD | CLEAR, 15, SLVERR);
      write(CONTROL, CANCEL | FLUSH, 15, SLVERR);
      expect_register(STATUS, 32'hffffffff, VALID | ILLEGAL);
      write(CONTROL, ACKNOWLEDGE, 15, OKAY);
//@end
      expect_register(IMAGES, 32'hffffffff, FRAMES);
      expect_register(CONTROL, 32'hffffffff, 0);
//@loads
      expect_register(LOAD_DATA, 32'hffffffff, 0);
//@constant
      expect_register(QUIET, 32'hffffffff, 0);
//@end
      expect_register(STATUS, 32'hffffffff, VALID);
      write(QUIET, 1, 15, OKAY);
      write(LOAD_DATA, SHAPE_ID, 15, OKAY);
      write(IMAGES, 0, 15, OKAY);
      read(7'h7c, 0, 0, OKAY);
//@loads
      expect_register(STATUS, 32'hffffffff, VALID | NO_SLVERR | OUT_OF_TURN | ILLEGAL);
//@constant
      expect_register(STATUS, 32'hffffffff, VALID | NO_SLVERR | ILLEGAL);
//@end
      write(QUIET, 0, 15, OKAY);
      write(CONTROL, ACKNOWLEDGE, 15, OKAY);
      write(IMAGES, 0, 15, SLVERR);
      write(CONTROL, ACKNOWLEDGE, 15, OKAY);
      expect_register(STATUS, 32'hffffffff, VALID);
    end
  endtask

//@loads
  // From `load[where]` on: so many words.
  task words(input integer where, input integer number);
    for (word = 0; word < number; word = word + 1) write(LOAD_DATA, load[where+word], 15, OKAY);
  endtask

  // A wrong first word ends a load and the model stays; a load cut short, too long or with a wrong CRC leaves none.
  task refuse_loads;
    begin
      write(CONTROL, LOAD, 15, OKAY);
      expect_register(STATUS, 32'hffffffff, VALID | LOADING);
      write(LOAD_DATA, ~SHAPE_ID, 15, SLVERR);
      expect_register(STATUS, 32'hffffffff, VALID | WRONG_SHAPE);
      write(CONTROL, LOAD | ACKNOWLEDGE, 15, OKAY);
      words(0, 1);
      expect_register(STATUS, 32'hffffffff, VALID | LOADING);
      words(1, 2);
      expect_register(LOADED, 32'hffffffff, 3);
      expect_register(STATUS, 32'hffffffff, LOADING);
      expect_digest(0);
      write(LOAD_CRC, OWN_CRC, 15, SLVERR);
      expect_register(STATUS, 32'hffffffff, OUT_OF_TURN);
      write(CONTROL, LOAD | ACKNOWLEDGE, 15, OKAY);
      words(0, 2);
      write(CONTROL, LOAD, 15, OKAY);
      expect_register(LOADED, 32'hffffffff, 0);
      words(WORDS, WORDS);
      expect_register(LOADED, 32'hffffffff, WORDS);
      write(LOAD_CRC, ~PROBE_CRC, 15, SLVERR);
      expect_register(STATUS, 32'hffffffff, WRONG_CRC);
      send_nothing;
      reset(0);
      write(CONTROL, LOAD, 15, OKAY);
      words(0, 2);
      reset(0);
    end
  endtask

//@end
  // Without a model no beat is taken.
  task send_nothing;
    begin
      @(negedge aclk) first = 0;
      count = 1;
      every = 1;
      sending = 1;
      repeat (16) settled;
      if (offset != 0) fail("number of beats taken", offset, 0);
      @(negedge aclk) sending = 0;
      repeat (2) settled;
    end
  endtask

//@loads
  task load_model(input integer where, input [31:0] crc, input [255:0] digest);
    begin
      write(CONTROL, LOAD | ACKNOWLEDGE, 15, OKAY);
      words(where, WORDS);
      expect_register(STATUS, 32'hffffffff, LOADING);
      write(LOAD_CRC, crc, 15, OKAY);
      expect_register(STATUS, 32'hffffffff, VALID);
      expect_digest(digest);
      memories(crc);
    end
  endtask

  function [31:0] crc32(input [31:0] sum, input [31:0] data);
    integer k;
    begin
      crc32 = sum ^ data;
      for (k = 0; k < 32; k = k + 1) crc32 = crc32[0] ? (crc32 >> 1) ^ 32'hedb88320 : crc32 >> 1;
    end
  endfunction

  // What the memories hold, word by word in the order of a load, must have the CRC of the model's image.
  task memories(input [31:0] crc);
    integer n, p;
    reg [@WIDEST@-1:0] row;
    begin
      check = crc32(32'hffffffff, SHAPE_ID);
@MEMORIES@      if (~check !== crc) fail("CRC of the memories", ~check, crc);
    end
  endtask

  task load_file(input integer where, input [31:0] crc);
    begin
      check = 32'hffffffff;
      for (i = 0; i < WORDS; i = i + 1) check = crc32(check, load[where+i]);
      if (~check !== crc) fail("CRC of load.mem", ~check, crc);
    end
  endtask

//@end
  initial begin
    $readmemh("vectors_in.mem", sent);
    $readmemh("vectors_out.mem", expected);
//@loads
    $readmemh("load.mem", load);
//@end
    repeat (4) @(negedge aclk);
    aresetn = 1;
    settled;
//@loads
    load_file(0, OWN_CRC);
    load_file(WORDS, PROBE_CRC);
    memories(OWN_CRC);
//@end
    expect_register(ID, 32'hffffffff, 32'h7173696d);
    expect_register(VERSION, 32'hffffffff, VERSION_ID);
    expect_register(SHAPE, 32'hffffffff, SHAPE_ID);
    expect_register(IMAGE_WORDS, 32'hffffffff, @WORDS@);
    expect_register(STATUS, 32'hffffffff, VALID);
    expect_digest(OWN_DIGEST);

    play(0, FLOWING);
    if (finished[0] - started != LATENCY) fail("latency", finished[0] - started, LATENCY);
    if (FRAMES > 1 && finished[FRAMES-1] - finished[FRAMES-2] != INTERVAL)
      fail("interval", finished[FRAMES-1] - finished[FRAMES-2], INTERVAL);
    expect_register(CYCLES, 32'hffffffff, finished[FRAMES-1] - started + 1);
    refuse_accesses;
    write(INTERRUPT_PENDING, ERROR, 15, OKAY);
    interrupts;
    refuse_frames;
    count_far;
//@loads
    wait_for_turn;
//@end
    tear_a_beat;
    reset_a_packet;
    // While the first results of a layer go on to the next, while nothing does, and when all wait at the output.
    for (step = 0; step < 10; step = step + 1) abort_frames((BEATS > 24 ? BEATS - 24 : 0) + 7 * step, step % 2);
    for (step = 0; step < 4; step = step + 1) abort_frames(step / 2 * LATENCY, step % 2);
//@constant
    for (step = 0; step < 64 && step < 4 * INTERVAL; step = step + 1)
      if (step % INTERVAL + 8 < LATENCY) reset_amid(step % INTERVAL, step % FRAMES);
//@end
    if (OUTPUTS > 2) flush_a_packet;  // fewer results can wait at the output, and nothing is left to complete
    play(0, HOLDING);
//@loads
    refuse_loads;
    load_model(WORDS, PROBE_CRC, PROBE_DIGEST);
    play(RESULTS, FLOWING);
    play(RESULTS, STALLING);
    load_model(0, OWN_CRC, OWN_DIGEST);
//@end
    play(0, STALLING);
    if (errors != 0) begin
      $display("FAIL: %0d errors", errors);
      $fatal;
    end
//@loads
    $display("PASS: model @DIGEST12@ and probe @PROBE12@, %0d images, every logit and class", FRAMES);
//@constant
    $display("PASS: model @DIGEST12@, %0d images, every logit and class", FRAMES);
//@end
    $finish;
  end
endmodule
