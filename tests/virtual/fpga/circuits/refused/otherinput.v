// reads pin 20, of which nobody knows the level
module top(input clk, input other, output out);
  reg [3:0] count = 0;
  always @(posedge clk) if (other) count <= count + 1;
  assign out = count[3];
endmodule
