// 2^26 cycles: no state comes twice within a second
module top(input clk, output out);
  reg [25:0] count = 0;
  always @(posedge clk) count <= count + 1;
  assign out = count[9] & count[25];
endmodule
