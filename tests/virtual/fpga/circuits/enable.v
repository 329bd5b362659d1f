// a counter that is enabled in every seventh cycle and cleared in step: flip-flops with enable and synchronous reset
module top(input clk, output out);
  reg [2:0] seven = 0;
  reg [5:0] count = 0;
  wire tick = seven == 6;
  always @(posedge clk) begin
    seven <= tick ? 0 : seven + 1;
    if (tick) begin
      if (count == 40) count <= 0;
      else count <= count + 1;
    end
  end
  assign out = count[4];
endmodule
