// Tells after which clock cycle the pin has risen how often; what is not known yet counts as low.
module bench;
  parameter CYCLES = 5000;
  reg clk = 0;
  wire out;
  reg was = 0, now = 0;
  integer cycle, edges = 0;

  top dut(.clk(clk), .out(out));

  task look(input first);
    begin
      now = out === 1'b1;
      if (now && !was && !first) begin
        edges = edges + 1;
        $display("%0d", cycle);
      end
      was = now;
    end
  endtask

  initial begin
    cycle = 0;
    #1 look(1);
    for (cycle = 1; cycle <= CYCLES; cycle = cycle + 1) begin
      clk = 1;
      #1 look(0);
      clk = 0;
      #1 look(0);
    end
    $finish;
  end
endmodule

// the chip's own oscillators, at the pace of the bench
module SB_HFOSC(input CLKHFPU, input CLKHFEN, output CLKHF);
  parameter CLKHF_DIV = "0b00";
  assign CLKHF = bench.clk & CLKHFPU & CLKHFEN;
endmodule

module SB_LFOSC(input CLKLFPU, input CLKLFEN, output CLKLF);
  assign CLKLF = bench.clk & CLKLFPU & CLKLFEN;
endmodule

// a pin with a register for its output, and nothing else
module SB_IO(output PACKAGE_PIN, input OUTPUT_CLK, input D_OUT_0);
  parameter PIN_TYPE = 0;
  reg q = 0;
  always @(posedge OUTPUT_CLK) q <= D_OUT_0;
  assign PACKAGE_PIN = q;
endmodule
