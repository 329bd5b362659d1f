module top(input clk, output out);
  reg [4:0] count = 0;
  always @(posedge clk) count <= count + 1;
  SB_IO #(.PIN_TYPE(6'b0100_01)) pin(.PACKAGE_PIN(out), .OUTPUT_CLK(clk), .D_OUT_0(count[4]), .D_OUT_1(count[3]));
endmodule
