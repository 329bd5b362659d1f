// 48 MHz / 3 with equal halves: a flip-flop at the rising edge and one at the falling edge
module top(input clk, output out);
  reg [1:0] count = 0;
  reg late = 0;
  always @(posedge clk) count <= count == 2 ? 0 : count + 1;
  always @(negedge clk) late <= count == 1;
  assign out = count == 1 | late;
endmodule
