// the chip's own slow oscillator at a nominal 10 kHz, halved
module top(input clk, output out);
  wire own;
  SB_LFOSC oscillator(.CLKLFPU(1'b1), .CLKLFEN(1'b1), .CLKLF(own));
  reg q = 0;
  always @(posedge own) q <= ~q;
  assign out = q;
endmodule
