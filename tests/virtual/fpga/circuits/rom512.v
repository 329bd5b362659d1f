// a block RAM of 512 words of 8 bits as ROM, read at the falling edge, every third cycle only
module top(input clk, output out);
  reg [7:0] memory [0:511];
  reg [7:0] word;
  reg [8:0] address = 0;
  reg [1:0] phase = 0;
  integer i;
  initial for (i = 0; i < 512; i = i + 1) memory[i] = i * i + 3 * i;
  always @(posedge clk) begin
    phase <= phase == 2 ? 0 : phase + 1;
    if (phase == 2) address <= address + 1;
  end
  always @(negedge clk) if (phase == 1) word <= memory[address];
  assign out = word[2];
endmodule
