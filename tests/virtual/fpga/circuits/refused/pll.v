module top(input clk, output out);
  wire fast;
  SB_PLL40_PAD #(.FEEDBACK_PATH("SIMPLE"), .DIVR(4'd0), .DIVF(7'd15), .DIVQ(3'd5), .FILTER_RANGE(3'd4))
    pll(.PACKAGEPIN(clk), .PLLOUTGLOBAL(fast), .RESETB(1'b1), .BYPASS(1'b0));
  reg [3:0] count = 0;
  always @(posedge fast) count <= count + 1;
  assign out = count[3];
endmodule
