// a twisted ring of 23 flip-flops: one pulse in 46 cycles
module top(input clk, output out);
  reg [22:0] ring = 0;
  always @(posedge clk) ring <= {ring[21:0], ~ring[22]};
  assign out = ring[22];
endmodule
