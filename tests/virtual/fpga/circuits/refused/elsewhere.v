// drives pin 28 and leaves pin 27 alone
module top(input clk, output elsewhere);
  reg [3:0] count = 0;
  always @(posedge clk) count <= count + 1;
  assign elsewhere = count[3];
endmodule
