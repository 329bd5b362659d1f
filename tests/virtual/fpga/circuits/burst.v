// 37 pulses of 8 cycles each, then silence for ever
module top(input clk, output out);
  reg [8:0] count = 0;
  wire busy = count != 37 * 8;
  always @(posedge clk) if (busy) count <= count + 1;
  assign out = count[2];
endmodule
