// maximal: 16777215 cycles with 2^22 runs of ones
module top(input clk, output out);
  reg [23:0] inverse = 0;
  wire [23:0] state = ~inverse;
  wire feedback = state[23] ^ state[22] ^ state[21] ^ state[16];
  always @(posedge clk) inverse <= {inverse[22:0], ~feedback};
  assign out = state[23];
endmodule
