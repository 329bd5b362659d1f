// a ring oscillator: no digital simulation tells its frequency
module top(input clk, output out);
  (* keep *) wire a, b, c;
  SB_LUT4 #(.LUT_INIT(16'h5555)) first(.I0(c), .O(a));
  SB_LUT4 #(.LUT_INIT(16'h5555)) second(.I0(a), .O(b));
  SB_LUT4 #(.LUT_INIT(16'h5555)) third(.I0(b), .O(c));
  assign out = c;
endmodule
