// two carry chains in a row, across tiles: an adder and a comparison of 24 bits
module top(input clk, output out);
  reg [23:0] sum = 0;
  reg q = 0;
  always @(posedge clk) begin
    sum <= sum - 24'd1234567;
    q <= sum > 24'd9999999;
  end
  assign out = q;
endmodule
