// 48 MHz / 1024: 46875 pulses a second; high in the second half of each 1024 cycles
module top(input clk, output out);
  reg [9:0] count = 0;
  always @(posedge clk) count <= count + 1;
  assign out = count[9];
endmodule
