// a block RAM of 2048 words of 2 bits as ROM, the narrowest form: word i has bit 1 set in the first 11 of every 64
module top(input clk, output out);
  reg [1:0] memory [0:2047];
  reg [1:0] word;
  reg [10:0] address = 0;
  integer i;
  initial for (i = 0; i < 2048; i = i + 1) memory[i] = {i % 64 < 11, i % 7 == 3};
  always @(posedge clk) begin
    word <= memory[address];
    address <= address + 1;
  end
  assign out = word[1] ^ word[0];
endmodule
