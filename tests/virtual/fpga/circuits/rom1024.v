// a block RAM of 1024 words of 4 bits as ROM: bit 2 of word i is set where i * i has a 1 in its place of 32
module top(input clk, output out);
  reg [3:0] memory [0:1023];
  reg [3:0] word;
  reg [9:0] address = 0;
  integer i;
  initial for (i = 0; i < 1024; i = i + 1) memory[i] = (i * i) >> 3;
  always @(posedge clk) begin
    word <= memory[address];
    address <= address + 1;
  end
  assign out = word[2] & ~(word[0] & word[1] & word[3]);
endmodule
