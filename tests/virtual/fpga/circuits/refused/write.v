module top(input clk, output out);
  reg [15:0] memory [0:255];
  reg [15:0] word;
  reg [9:0] count = 0;
  always @(posedge clk) begin
    count <= count + 1;
    memory[count[7:0]] <= {count, count[5:0]};
    word <= memory[count[9:2]];
  end
  assign out = word[3];
endmodule
