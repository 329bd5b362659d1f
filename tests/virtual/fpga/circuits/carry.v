// a phase accumulator of 20 bits on the carry chain: N * 123457 / 2^20 pulses in N cycles
module top(input clk, output out);
  reg [19:0] phase = 0;
  always @(posedge clk) phase <= phase + 20'd123457;
  assign out = phase[19];
endmodule
