// maximal: 65535 cycles with 2^14 runs of ones; the state is inverted so that it may start from zero
module top(input clk, output out);
  reg [15:0] inverse = 0;
  wire [15:0] state = ~inverse;
  wire feedback = state[15] ^ state[14] ^ state[12] ^ state[3];
  always @(posedge clk) inverse <= {inverse[14:0], ~feedback};
  assign out = state[15];
endmodule
