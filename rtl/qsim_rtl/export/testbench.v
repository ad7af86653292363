// Plays the test vectors on the engine and says PASS or FAIL; no tool but a simulator is needed.
//   with Icarus,    iverilog -g2009 -o testbench.vvp testbench.v qsim.v && vvp -n testbench.vvp
//   with Verilator, verilator --binary --timing -Wno-fatal -Wno-lint --top-module testbench testbench.v qsim.v
// Run it in this folder: memories and vectors are read from the files beside it.
`timescale 1ns / 1ps
module testbench;
  localparam FRAMES = @FRAMES@, BEATS = @BEATS@, OUTPUTS = @OUTPUTS@;
  localparam IN = @IN@, OUT = @OUT@, WORDS = @WORDS@;
  localparam LATENCY = @LATENCY@, INTERVAL = @INTERVAL@;
  localparam [31:0] CRC = 32'h@CRC@;
  localparam [255:0] DIGEST = 256'h@DIGEST@;
  localparam [6:0] @ADDRESSES@;
  localparam PATIENCE = 4 * (LATENCY + 64);

  reg aclk = 0, aresetn = 0;
  reg [IN-1:0] s_axis_tdata = 0;
  reg s_axis_tvalid = 0, s_axis_tlast = 0, m_axis_tready = 0;
  wire s_axis_tready, m_axis_tvalid, m_axis_tlast;
  wire [OUT-1:0] m_axis_tdata;
  reg [6:0] s_axil_awaddr = 0, s_axil_araddr = 0;
  reg [31:0] s_axil_wdata = 0;
  reg s_axil_awvalid = 0, s_axil_wvalid = 0, s_axil_bready = 0, s_axil_arvalid = 0, s_axil_rready = 0;
  wire s_axil_awready, s_axil_wready, s_axil_bvalid, s_axil_arready, s_axil_rvalid;
  wire [1:0] s_axil_bresp, s_axil_rresp;
  wire [31:0] s_axil_rdata;
  always #5 aclk = ~aclk;

  qsim dut (
      .aclk(aclk), .aresetn(aresetn),
      .s_axis_tdata(s_axis_tdata), .s_axis_tkeep({IN / 8{1'b1}}), .s_axis_tvalid(s_axis_tvalid),
      .s_axis_tready(s_axis_tready), .s_axis_tlast(s_axis_tlast),
      .m_axis_tdata(m_axis_tdata), .m_axis_tkeep(), .m_axis_tvalid(m_axis_tvalid),
      .m_axis_tready(m_axis_tready), .m_axis_tlast(m_axis_tlast),
      .s_axil_awaddr(s_axil_awaddr), .s_axil_awprot(3'd0),
      .s_axil_awvalid(s_axil_awvalid), .s_axil_awready(s_axil_awready),
      .s_axil_wdata(s_axil_wdata), .s_axil_wstrb(4'd15),
      .s_axil_wvalid(s_axil_wvalid), .s_axil_wready(s_axil_wready),
      .s_axil_bresp(s_axil_bresp), .s_axil_bvalid(s_axil_bvalid), .s_axil_bready(s_axil_bready),
      .s_axil_araddr(s_axil_araddr), .s_axil_arprot(3'd0),
      .s_axil_arvalid(s_axil_arvalid), .s_axil_arready(s_axil_arready),
      .s_axil_rdata(s_axil_rdata), .s_axil_rresp(s_axil_rresp),
      .s_axil_rvalid(s_axil_rvalid), .s_axil_rready(s_axil_rready));

  reg [IN-1:0] sent[0:FRAMES*BEATS-1];
  reg [OUT-1:0] expected[0:FRAMES*OUTPUTS-1];
  reg [31:0] load[0:WORDS-1];

  integer errors = 0, cycle = 0, beat = 0, result = 0, started = 0, idle = 0, next = 0, i = 0;
  integer finished[0:FRAMES-1];
  reg running = 0, stalling = 0;
  reg [31:0] noise = 32'h2545f491;
  reg [31:0] word, check;

  task fail(input [8*40-1:0] what, input [OUT-1:0] found, input [OUT-1:0] wanted);
    begin
      errors = errors + 1;
      if (errors <= 10) $display("FAIL: %0s is %h, not %h (result %0d)", what, found, wanted, result);
    end
  endtask

  // The two streams: what is offered stays until it is taken; with `stalling` both sides pause at random.
  always @(posedge aclk) begin
    cycle <= cycle + 1;
    noise <= {noise[30:0], noise[31] ^ noise[21] ^ noise[1] ^ noise[0]};
    if (!running) begin
      s_axis_tvalid <= 0; m_axis_tready <= 0;
      beat <= 0; result <= 0; idle <= 0;
    end else begin
      idle <= idle + 1;
      if (s_axis_tvalid && s_axis_tready) begin
        if (beat == 0) started <= cycle;
        beat <= beat + 1;
        idle <= 0;
      end
      if (!s_axis_tvalid || s_axis_tready) begin
        next = beat + (s_axis_tvalid && s_axis_tready);
        s_axis_tvalid <= next < FRAMES * BEATS && !(stalling && noise[1:0] == 0);
        s_axis_tdata <= next < FRAMES * BEATS ? sent[next] : 0;
        s_axis_tlast <= next % BEATS == BEATS - 1;
      end
      m_axis_tready <= !(stalling && noise[4:3] == 0);
      if (m_axis_tvalid && m_axis_tready) begin
        idle <= 0;
        if (result >= FRAMES * OUTPUTS) fail("a result too many", m_axis_tdata, 0);
        else begin
          if (m_axis_tdata !== expected[result]) fail("class, logit", m_axis_tdata, expected[result]);
          if (m_axis_tlast !== (result % OUTPUTS == OUTPUTS - 1)) fail("TLAST", m_axis_tlast, !m_axis_tlast);
          if (m_axis_tlast) finished[result/OUTPUTS] <= cycle;
        end
        result <= result + 1;
      end
    end
  end

  // All else is driven at the falling edge, and looked at shortly after it, when it has settled.
  task settled;
    begin
      @(negedge aclk);
      #2;
    end
  endtask

  task play(input pauses);
    begin
      @(negedge aclk) stalling = pauses;
      running = 1;
      settled;
      while (idle < PATIENCE && !(result == FRAMES * OUTPUTS && idle > 64)) settled;
      if (result != FRAMES * OUTPUTS) fail("number of results", result, FRAMES * OUTPUTS);
      @(negedge aclk) running = 0;
      settled;
    end
  endtask

  task write(input [6:0] address, input [31:0] data, input [1:0] wanted);
    begin
      @(negedge aclk) s_axil_awaddr = address;
      s_axil_wdata = data; s_axil_awvalid = 1; s_axil_wvalid = 1; s_axil_bready = 1;
      #2;
      while (!s_axil_awready) settled;
      @(negedge aclk) s_axil_awvalid = 0;
      s_axil_wvalid = 0;
      #2;
      while (!s_axil_bvalid) settled;
      if (s_axil_bresp !== wanted) fail("BRESP", s_axil_bresp, wanted);
      @(negedge aclk) s_axil_bready = 0;
    end
  endtask

  task expect_register(input [6:0] address, input [31:0] mask, input [31:0] wanted);
    begin
      @(negedge aclk) s_axil_araddr = address;
      s_axil_arvalid = 1; s_axil_rready = 1;
      #2;
      while (!s_axil_arready) settled;
      @(negedge aclk) s_axil_arvalid = 0;
      #2;
      while (!s_axil_rvalid) settled;
      if ((s_axil_rdata & mask) !== wanted || s_axil_rresp !== 0) fail("register", s_axil_rdata, wanted);
      @(negedge aclk) s_axil_rready = 0;
    end
  endtask

  task digest_shown(input valid);
    begin
      for (i = 0; i < 8; i = i + 1) begin
        word = valid ? DIGEST[255-32*i-:32] : 0;
        expect_register(DIGEST0 + 4 * i, 32'hffffffff, word);
      end
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
  task memories;
    integer n, p;
    reg [@WIDEST@-1:0] row;
    begin
      check = crc32(32'hffffffff, 32'h@SHAPE@);
@MEMORIES@      if (~check !== CRC) fail("CRC of the memories", ~check, CRC);
    end
  endtask

  initial begin
    $readmemh("vectors_in.mem", sent);
    $readmemh("vectors_out.mem", expected);
    $readmemh("load.mem", load);
    repeat (4) @(negedge aclk);
    aresetn = 1;
    settled;
    memories;
    check = 32'hffffffff;
    for (i = 0; i < WORDS; i = i + 1) check = crc32(check, load[i]);
    if (~check !== CRC) fail("CRC of load.mem", ~check, CRC);
    expect_register(ID, 32'hffffffff, 32'h7173696d);
    expect_register(SHAPE, 32'hffffffff, 32'h@SHAPE@);
    expect_register(IMAGE_WORDS, 32'hffffffff, WORDS);
    expect_register(STATUS, 32'hffffffff, 1);
    digest_shown(1);

    play(0);
    if (finished[0] - started != LATENCY) fail("latency", finished[0] - started, LATENCY);
    if (FRAMES > 1 && finished[FRAMES-1] - finished[FRAMES-2] != INTERVAL)
      fail("interval", finished[FRAMES-1] - finished[FRAMES-2], INTERVAL);
    write(CONTROL, 8, 0);  // a flush: read noise, where there is any, counts from the first image again
    play(1);
    expect_register(IMAGES, 32'hffffffff, 2 * FRAMES);

    // A load of which only three words come is refused, and leaves no model.
    write(CONTROL, 1, 0);
    for (i = 0; i < 3; i = i + 1) write(LOAD_DATA, load[i], 0);
    write(LOAD_CRC, CRC, 2);
    expect_register(STATUS, 32'h0000ffff, 32'h00000200);
    digest_shown(0);
    write(CONTROL, 1, 0);
    for (i = 0; i < WORDS; i = i + 1) write(LOAD_DATA, load[i], 0);
    write(LOAD_CRC, ~CRC, 2);
    expect_register(STATUS, 32'h00000003, 0);
    write(CONTROL, 5, 0);
    for (i = 0; i < WORDS; i = i + 1) write(LOAD_DATA, load[i], 0);
    write(LOAD_CRC, CRC, 0);
    expect_register(STATUS, 32'hffffffff, 1);
    digest_shown(1);
    memories;
    play(1);
    if (errors != 0) begin
      $display("FAIL: %0d errors", errors);
      $fatal;
    end
    $display("PASS: model @DIGEST12@, 3 x %0d images, every logit and class", FRAMES);
    $finish;
  end
endmodule
