// a block RAM of 256 words of 16 bits as ROM: word i has bit 0 set where i is a multiple of 5
module top(input clk, output out);
  reg [15:0] memory [0:255];
  reg [15:0] word;
  reg [7:0] address = 0;
  integer i;
  initial for (i = 0; i < 256; i = i + 1) memory[i] = {i[7:0] ^ 8'h5a, i[6:0], i % 5 == 0};
  always @(posedge clk) begin
    word <= memory[address];
    address <= address + 1;
  end
  assign out = word[0] & ~word[1] | word[15] & word[8];
endmodule
