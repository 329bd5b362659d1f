// the chip's own oscillator at a nominal 12 MHz, divided by 16
module top(input clk, output out);
  wire own;
  SB_HFOSC #(.CLKHF_DIV("0b10")) oscillator(.CLKHFPU(1'b1), .CLKHFEN(1'b1), .CLKHF(own));
  reg [3:0] count = 0;
  always @(posedge own) count <= count + 1;
  assign out = count[3];
endmodule
