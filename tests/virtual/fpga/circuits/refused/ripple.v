// each flip-flop is the clock of the next
module top(input clk, output out);
  reg a = 0, b = 0;
  always @(posedge clk) a <= ~a;
  always @(posedge a) b <= ~b;
  assign out = b;
endmodule
