// five pulses of two cycles at the start of every 1000 cycles
module top(input clk, output out);
  reg [9:0] count = 0;
  reg q = 0;
  always @(posedge clk) begin
    count <= count == 999 ? 0 : count + 1;
    q <= count < 10 && count[0];
  end
  assign out = q;
endmodule
