module top(input clk, output out);
  reg [15:0] count = 0;
  wire [31:0] product;
  always @(posedge clk) count <= count + 1;
  SB_MAC16 #(.TOPOUTPUT_SELECT(2'b11), .BOTOUTPUT_SELECT(2'b11)) mac(.CLK(clk), .CE(1'b1), .A(count), .B(count), .O(product));
  assign out = product[9];
endmodule
