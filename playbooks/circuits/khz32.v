// 48 MHz / 1500 = 32 kHz, by comparing
module top(input clk, output out);
  reg [10:0] count = 0;
  reg q = 0;
  always @(posedge clk) begin
    count <= count == 749 ? 0 : count + 1;
    if (count == 749) q <= ~q;
  end
  assign out = q;
endmodule
