// synchronous set and reset, with and without enable, counting down from 976
module top(input clk, output out);
  reg started = 0;
  reg [9:0] count = 0;
  reg high = 0;
  wire last = count == 0;
  always @(posedge clk) begin
    started <= 1;
    if (!started || last) count <= 976; else count <= count - 1;
    if (last) high <= 1; else if (count == 488) high <= 0;
  end
  assign out = high;
endmodule
