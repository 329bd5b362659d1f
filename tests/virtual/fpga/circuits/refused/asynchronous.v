module top(input clk, output out);
  reg [3:0] count = 0;
  wire full = count == 11;
  always @(posedge clk or posedge full) if (full) count <= 0; else count <= count + 1;
  assign out = count[3];
endmodule
