// a register in the pin's own cell
module top(input clk, output out);
  reg [4:0] count = 0;
  always @(posedge clk) count <= count == 18 ? 0 : count + 1;
  SB_IO #(.PIN_TYPE(6'b0101_01)) pin(.PACKAGE_PIN(out), .OUTPUT_CLK(clk), .D_OUT_0(count[4]));
endmodule
