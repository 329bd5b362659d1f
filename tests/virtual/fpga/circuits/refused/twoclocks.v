module top(input clk, output out);
  wire own;
  SB_HFOSC #(.CLKHF_DIV("0b10")) oscillator(.CLKHFPU(1'b1), .CLKHFEN(1'b1), .CLKHF(own));
  reg [3:0] a = 0, b = 0;
  always @(posedge own) a <= a + 1;
  always @(posedge clk) b <= b + 1;
  assign out = a[3] ^ b[3];
endmodule
