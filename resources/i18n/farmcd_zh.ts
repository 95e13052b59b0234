<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>FarmCD</name>
    <message>
        <source>Advanced</source>
        <translation>高级</translation>
    </message>
    <message>
        <source>Advanced ({0} changed)</source>
        <translation>高级（已更改 {0} 项）</translation>
    </message>
    <message>
        <source>More files of before</source>
        <translation>前时相其他文件</translation>
    </message>
    <message>
        <source>More files of after</source>
        <translation>后时相其他文件</translation>
    </message>
    <message>
        <source>Other bands or tiles of the same date, which FarmCD joins with the chosen raster</source>
        <translation>同一时相的其他波段或分幅，FarmCD 将其与所选栅格合并</translation>
    </message>
    <message>
        <source>Hard below confidence</source>
        <translation>置信度低于此为困难</translation>
    </message>
    <message>
        <source>Minimum mapping unit</source>
        <translation>最小制图单元</translation>
    </message>
    <message>
        <source>Tile</source>
        <translation>分块</translation>
    </message>
    <message>
        <source>Overlap of tiles</source>
        <translation>分块重叠</translation>
    </message>
    <message>
        <source>Network looks at</source>
        <translation>识别分辨率</translation>
    </message>
    <message>
        <source> m per pixel</source>
        <translation> 米/像元</translation>
    </message>
    <message>
        <source>Finer images are looked at at the checkpoint's resolution, in less time</source>
        <translation>更精细的影像按权重文件的分辨率识别，用时更短</translation>
    </message>
    <message>
        <source>Workers</source>
        <translation>工作进程</translation>
    </message>
    <message>
        <source> of at most {0}</source>
        <translation>（最多 {0}）</translation>
    </message>
    <message>
        <source>More than one needs the package distributed, which QGIS's Python does not have (docs/scale.md).</source>
        <translation>多个工作进程需要 distributed 包，而 QGIS 的 Python 中没有（见 docs/scale.md）。</translation>
    </message>
    <message>
        <source>This computer allows {0}: it has {1} cores.</source>
        <translation>本机最多可用 {0} 个：共 {1} 个核心。</translation>
    </message>
    <message>
        <source>This computer allows {0}: it has {1} cores and {2:.0f} GB of memory.</source>
        <translation>本机最多可用 {0} 个：共 {1} 个核心、{2:.0f} GB 内存。</translation>
    </message>
    <message>
        <source>Processes that compute blocks of a large pair side by side, each with a network of its own (about 1 GB). One already uses all cores for the network.</source>
        <translation>并行计算大幅影像各分块的进程，每个进程各有一个网络（约 1 GB）。单个进程已用全部核心运行网络。</translation>
    </message>
    <message>
        <source>Tiles in a batch</source>
        <translation>每批分块数</translation>
    </message>
    <message>
        <source>automatic</source>
        <translation>自动</translation>
    </message>
    <message>
        <source>the after image</source>
        <translation>后时相影像</translation>
    </message>
    <message>
        <source>the before image</source>
        <translation>前时相影像</translation>
    </message>
    <message>
        <source>Date of before</source>
        <translation>前时相日期</translation>
    </message>
    <message>
        <source>Date of after</source>
        <translation>后时相日期</translation>
    </message>
    <message>
        <source>Average over both orders of the dates</source>
        <translation>对两种时相顺序取平均</translation>
    </message>
    <message>
        <source>Takes twice as long</source>
        <translation>耗时加倍</translation>
    </message>
    <message>
        <source>Map where the network looked</source>
        <translation>绘制网络关注的位置</translation>
    </message>
    <message>
        <source>Look only where the screen expects change</source>
        <translation>只在筛查网络认为可能有变化处检测</translation>
    </message>
    <message>
        <source>A small network leaves out {0:.0f} % of the tiles; {1:.1f} % of the changed area is kept</source>
        <translation>由小型网络略过 {0:.0f}% 的瓦片；保留 {1:.1f}% 的变化面积</translation>
    </message>
    <message>
        <source>Look only where the checkpoint's screen expects change</source>
        <translation>只在权重自带的筛查网络认为可能有变化处检测</translation>
    </message>
    <message>
        <source>A raster of its own, for a network that can show it</source>
        <translation>单独的栅格，仅适用于能够显示关注位置的网络</translation>
    </message>
    <message>
        <source>Match the colours of before to after</source>
        <translation>将前时相色彩匹配到后时相</translation>
    </message>
    <message>
        <source>from the file, or 2020-08-31</source>
        <translation>取自文件，或如 2020-08-31</translation>
    </message>
    <message>
        <source>Grid of</source>
        <translation>采用格网</translation>
    </message>
    <message>
        <source>FarmCD</source>
        <translation>FarmCD</translation>
    </message>
    <message>
        <source>Run</source>
        <translation>运行</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>取消</translation>
    </message>
    <message>
        <source>Starting the worker</source>
        <translation>正在启动工作进程</translation>
    </message>
    <message>
        <source>FarmCD: check the inputs</source>
        <translation>FarmCD：检查输入</translation>
    </message>
    <message>
        <source>Review the candidates</source>
        <translation>复核图斑</translation>
    </message>
    <message>
        <source>Stopped. Nothing was written.</source>
        <translation>已停止，未写入任何文件。</translation>
    </message>
    <message>
        <source>Stopping</source>
        <translation>正在停止</translation>
    </message>
    <message>
        <source>and {0} more</source>
        <translation>另有 {0} 条</translation>
    </message>
    <message>
        <source>FarmCD: read the model card</source>
        <translation>FarmCD：读取模型说明</translation>
    </message>
    <message>
        <source>Other file…</source>
        <translation>其他文件…</translation>
    </message>
    <message>
        <source>Checkpoints</source>
        <translation>权重文件</translation>
    </message>
    <message>
        <source>Choose a checkpoint</source>
        <translation>选择权重文件</translation>
    </message>
    <message>
        <source>Checkpoint</source>
        <translation>权重文件</translation>
    </message>
    <message>
        <source>Device</source>
        <translation>设备</translation>
    </message>
    <message>
        <source>Output folder</source>
        <translation>输出文件夹</translation>
    </message>
    <message>
        <source>FarmCD: look for devices</source>
        <translation>FarmCD：查找设备</translation>
    </message>
    <message>
        <source>A file of the authors' code: it has no card.</source>
        <translation>原作者代码的文件，没有模型说明。</translation>
    </message>
    <message>
        <source>Swap before and after</source>
        <translation>交换前时相与后时相</translation>
    </message>
    <message>
        <source>whole overlap</source>
        <translation>全部重叠区</translation>
    </message>
    <message>
        <source>none</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Before</source>
        <translation>前时相</translation>
    </message>
    <message>
        <source>After</source>
        <translation>后时相</translation>
    </message>
    <message>
        <source>Extent</source>
        <translation>范围</translation>
    </message>
    <message>
        <source>Area of interest</source>
        <translation>关注区</translation>
    </message>
    <message>
        <source>Farmland</source>
        <translation>耕地</translation>
    </message>
    <message>
        <source>Open the folder of a run</source>
        <translation>打开一次检测的文件夹</translation>
    </message>
    <message>
        <source>All statuses</source>
        <translation>全部状态</translation>
    </message>
    <message>
        <source>Every candidate has a verdict.</source>
        <translation>全部图斑均已判定。</translation>
    </message>
    <message>
        <source>Unsure</source>
        <translation>存疑</translation>
    </message>
    <message>
        <source>Skip</source>
        <translation>跳过</translation>
    </message>
    <message>
        <source>Outline off</source>
        <translation>隐藏边界</translation>
    </message>
    <message>
        <source>Outline on</source>
        <translation>显示边界</translation>
    </message>
    <message>
        <source>{position} of {total}</source>
        <translation>第 {position} 个，共 {total} 个</translation>
    </message>
    <message>
        <source>not in this queue</source>
        <translation>不在此队列中</translation>
    </message>
    <message>
        <source>Not reviewed</source>
        <translation>未复核</translation>
    </message>
    <message>
        <source>Still in this run: {remaining}. Choose them by the filters above.</source>
        <translation>本次检测中还有：{remaining}。可用上方筛选查看。</translation>
    </message>
    <message>
        <source>Class {number}</source>
        <translation>类别 {number}</translation>
    </message>
    <message>
        <source>More classes…</source>
        <translation>更多类别…</translation>
    </message>
    <message>
        <source>Confirm (class unknown)</source>
        <translation>确认（类别未知）</translation>
    </message>
    <message>
        <source>Confirm</source>
        <translation>确认</translation>
    </message>
    <message>
        <source>No reason given</source>
        <translation>未说明原因</translation>
    </message>
    <message>
        <source>Back</source>
        <translation>上一个</translation>
    </message>
    <message>
        <source>Zoom</source>
        <translation>缩放</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>撤销</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>重做</translation>
    </message>
    <message>
        <source>End of the queue</source>
        <translation>队列结束</translation>
    </message>
    <message>
        <source>Choose a run above to review it.</source>
        <translation>请在上方选择要复核的检测。</translation>
    </message>
    <message>
        <source>{reviewed} of {total} reviewed</source>
        <translation>已复核 {reviewed} / {total}</translation>
    </message>
    <message>
        <source>No run in the project</source>
        <translation>项目中没有检测结果</translation>
    </message>
    <message>
        <source>FarmCD review: {action}</source>
        <translation>FarmCD 复核：{action}</translation>
    </message>
    <message>
        <source>All classes</source>
        <translation>全部类别</translation>
    </message>
    <message>
        <source>Note to the next verdict</source>
        <translation>下一判定的备注</translation>
    </message>
    <message>
        <source>Why is it no real change?</source>
        <translation>为何不是真实变化？</translation>
    </message>
    <message>
        <source>Most doubtful first</source>
        <translation>最存疑优先</translation>
    </message>
    <message>
        <source>By place</source>
        <translation>按位置</translation>
    </message>
    <message>
        <source>Skipped</source>
        <translation>已跳过</translation>
    </message>
    <message>
        <source>Confirmed</source>
        <translation>已确认</translation>
    </message>
    <message>
        <source>Other class</source>
        <translation>其他类别</translation>
    </message>
    <message>
        <source>Pseudo-change</source>
        <translation>伪变化</translation>
    </message>
    <message>
        <source>Crop rotation</source>
        <translation>作物轮作</translation>
    </message>
    <message>
        <source>Season</source>
        <translation>季节</translation>
    </message>
    <message>
        <source>Illumination</source>
        <translation>光照</translation>
    </message>
    <message>
        <source>Shadow</source>
        <translation>阴影</translation>
    </message>
    <message>
        <source>Misregistration</source>
        <translation>配准误差</translation>
    </message>
    <message>
        <source>Cloud</source>
        <translation>云</translation>
    </message>
    <message>
        <source>{ha} ha ({mu} mu)</source>
        <translation>{ha} 公顷（{mu} 亩）</translation>
    </message>
    <message>
        <source>The checkpoint says nothing of itself.</source>
        <translation>该权重文件没有说明。</translation>
    </message>
    <message>
        <source>{0} h {1} min left</source>
        <translation>剩余 {0} 小时 {1} 分</translation>
    </message>
    <message>
        <source>{0} candidates ({1} ha), {2} hard regions, in {3} s</source>
        <translation>{0} 个图斑（{1} 公顷），{2} 个低置信区域，用时 {3} 秒</translation>
    </message>
    <message>
        <source>{0} s left</source>
        <translation>剩余 {0} 秒</translation>
    </message>
    <message>
        <source>{0} min left</source>
        <translation>剩余 {0} 分</translation>
    </message>
    <message>
        <source>F1 of change {0:.2f} on {1}.</source>
        <translation>变化 F1 为 {0:.2f}（{1}）。</translation>
    </message>
    <message>
        <source>{time}: FarmCD {version} compared {before} with {after} on {device}.</source>
        <translation>{time}：FarmCD {version} 在 {device} 上比较了 {before} 与 {after}。</translation>
    </message>
    <message>
        <source>SHA-256 of the checkpoint</source>
        <translation>权重文件的 SHA-256</translation>
    </message>
    <message>
        <source>Limits of the checkpoint</source>
        <translation>模型的局限</translation>
    </message>
    <message>
        <source>tau</source>
        <translation>tau</translation>
    </message>
    <message>
        <source>Smallest candidate</source>
        <translation>最小图斑</translation>
    </message>
    <message>
        <source>Versions</source>
        <translation>版本</translation>
    </message>
    <message>
        <source>Made</source>
        <translation>生成于</translation>
    </message>
    <message>
        <source>Candidates</source>
        <translation>图斑</translation>
    </message>
    <message>
        <source>Hard regions</source>
        <translation>低置信区域</translation>
    </message>
    <message>
        <source>Change classes</source>
        <translation>变化类别</translation>
    </message>
    <message>
        <source>Confidence</source>
        <translation>置信度</translation>
    </message>
    <message>
        <source>Arbitration</source>
        <translation>仲裁</translation>
    </message>
    <message>
        <source>Attention</source>
        <translation>注意力</translation>
    </message>
    <message>
        <source>{file} is no file on this computer; the run is shown without it.</source>
        <translation>{file} 不是本机上的文件，结果将不含该影像。</translation>
    </message>
    <message>
        <source>Detect changes</source>
        <translation>变化检测</translation>
    </message>
    <message>
        <source>Review candidates</source>
        <translation>复核图斑</translation>
    </message>
    <message>
        <source>The worker was ended from outside.</source>
        <translation>工作进程被外部终止。</translation>
    </message>
    <message>
        <source>Stopped. Nothing half-made was left behind.</source>
        <translation>已停止，没有留下未完成的文件。</translation>
    </message>
    <message>
        <source>Convert a checkpoint</source>
        <translation>转换权重文件</translation>
    </message>
    <message>
        <source>Turns a checkpoint that was trained with the authors' code of FD-Mamba, SChanger or SemiCD-VL (.pth) into FarmCD's format: weights, text features and model card in one safetensors file that needs no CLIP and runs no code when it is read.

The text features come from the CLIP inside the checkpoint; if it holds none, name a file with CLIP weights. Own prompts for the classes come from a TOML file with lines like water = ["a pond", "a lake"].

SChanger reads images that were normalised with the statistics of a data set, which its files don't name: levir, levir_plus, s2looking, cdd, sysu or whu.</source>
        <translation>将用 FD-Mamba、SChanger 或 SemiCD-VL 原作者代码训练的权重文件（.pth）转换为 FarmCD 格式：权重、文本特征和模型说明都在一个 safetensors 文件中，使用时不需要 CLIP，读取时不执行任何代码。

文本特征取自权重中的 CLIP；如其中没有，请指定 CLIP 权重文件。各类别自己的提示语可写在 TOML 文件中，每行如 water = ["a pond", "a lake"]。

SChanger 读取的影像须按某个数据集的统计量归一化，而其文件并未注明：levir、levir_plus、s2looking、cdd、sysu 或 whu。</translation>
    </message>
    <message>
        <source>CLIP weights (optional)</source>
        <translation>CLIP 权重（可选）</translation>
    </message>
    <message>
        <source>Converted checkpoint</source>
        <translation>转换后的权重文件</translation>
    </message>
    <message>
        <source>FarmCD checkpoints</source>
        <translation>FarmCD 权重文件</translation>
    </message>
    <message>
        <source>Detect farmland change</source>
        <translation>耕地变化检测</translation>
    </message>
    <message>
        <source>change,detection,farmland,deep learning,two dates</source>
        <translation>变化,检测,耕地,深度学习,双时相</translation>
    </message>
    <message>
        <source>Open the layers when done</source>
        <translation>完成后打开图层</translation>
    </message>
    <message>
        <source>Run folder</source>
        <translation>检测结果文件夹</translation>
    </message>
    <message>
        <source>Done on {0} in {1:.0f} s.</source>
        <translation>在 {0} 上完成，用时 {1:.0f} 秒。</translation>
    </message>
    <message>
        <source>Checkpoint (empty: the bundled one)</source>
        <translation>权重文件（空：自带权重）</translation>
    </message>
    <message>
        <source>Values of the before raster that become black and white, such as 0:3000 or 1:99%</source>
        <translation>前时相栅格中变为黑和白的值，例如 0:3000 或 1:99%</translation>
    </message>
    <message>
        <source>Values of the after raster that become black and white, such as 0:3000 or 1:99%</source>
        <translation>后时相栅格中变为黑和白的值，例如 0:3000 或 1:99%</translation>
    </message>
    <message>
        <source>Further files of before: a band in each, or tiles</source>
        <translation>前时相的其他文件：每个波段一个文件，或分幅</translation>
    </message>
    <message>
        <source>Further files of after: a band in each, or tiles</source>
        <translation>后时相的其他文件：每个波段一个文件，或分幅</translation>
    </message>
    <message>
        <source>Treat a constant fill that is not declared as nodata</source>
        <translation>将未声明的固定填充值视为无数据</translation>
    </message>
    <message>
        <source>Measure the shift between the dates and correct it</source>
        <translation>测量两期之间的偏移并校正</translation>
    </message>
    <message>
        <source>Bands of the before raster as red, green, blue (empty: as they say, else 1, 2, 3)</source>
        <translation>前时相栅格的红、绿、蓝波段（空：按其自述，否则 1、2、3）</translation>
    </message>
    <message>
        <source>Bands of the after raster as red, green, blue (empty: as they say, else 1, 2, 3)</source>
        <translation>后时相栅格的红、绿、蓝波段（空：按其自述，否则 1、2、3）</translation>
    </message>
    <message>
        <source>Date of the before raster (empty: from the file)</source>
        <translation>前时相栅格的日期（空：取自文件）</translation>
    </message>
    <message>
        <source>Date of the after raster (empty: from the file)</source>
        <translation>后时相栅格的日期（空：取自文件）</translation>
    </message>
    <message>
        <source>Work on the grid of</source>
        <translation>采用其格网</translation>
    </message>
    <message>
        <source>Tile (pixels)</source>
        <translation>分块（像素）</translation>
    </message>
    <message>
        <source>Overlap of tiles (pixels)</source>
        <translation>分块重叠（像素）</translation>
    </message>
    <message>
        <source>Metres per pixel at which the network looks (empty: the checkpoint's, 0: the raster's)</source>
        <translation>网络识别所用的每像元米数（留空：按权重文件，0：按栅格）</translation>
    </message>
    <message>
        <source>Workers: processes that compute blocks</source>
        <translation>工作进程：计算分块的进程数</translation>
    </message>
    <message>
        <source>Tiles in a batch (0: automatic)</source>
        <translation>每批分块数（0：自动）</translation>
    </message>
    <message>
        <source>Average over both date orders (slower)</source>
        <translation>对两种时相顺序取平均（较慢）</translation>
    </message>
    <message>
        <source>Map where the network looked (SChanger)</source>
        <translation>绘制网络关注的位置（SChanger）</translation>
    </message>
    <message>
        <source>Confidence below which a region is hard</source>
        <translation>低于此置信度为低置信区域</translation>
    </message>
    <message>
        <source>Minimum mapping unit (square metres)</source>
        <translation>最小制图单元（平方米）</translation>
    </message>
    <message>
        <source>Neighbours that join pixels</source>
        <translation>像素连接的邻域</translation>
    </message>
    <message>
        <source>No checkpoint ships with this copy of FarmCD: name one.</source>
        <translation>此 FarmCD 没有自带权重文件，请指定一个。</translation>
    </message>
    <message>
        <source>{0}: there is no readable raster at {1}.</source>
        <translation>{0}：{1} 处没有可读取的栅格。</translation>
    </message>
    <message>
        <source>{0}: there is no readable polygon layer at {1}.</source>
        <translation>{0}：{1} 处没有可读取的面图层。</translation>
    </message>
    <message>
        <source>{0}: three bands are needed, not {1}.</source>
        <translation>{0}：需要三个波段，而不是 {1} 个。</translation>
    </message>
    <message>
        <source>Number of candidates</source>
        <translation>图斑数</translation>
    </message>
    <message>
        <source>Number of hard regions</source>
        <translation>低置信区域数</translation>
    </message>
    <message>
        <source>Check a pair of rasters</source>
        <translation>检查一对栅格</translation>
    </message>
    <message>
        <source>Checks whether change can be detected between two rasters: bands, data type, CRS, resolution, overlap, nodata, dates and the shift between them. Errors would stop a detection, warnings would not. The algorithm itself succeeds in both cases, so that a model can act on the number of errors.</source>
        <translation>检查能否在两期栅格之间检测变化：波段、数据类型、坐标系、分辨率、重叠、无效值、日期以及两者之间的偏移。错误会使检测无法进行，警告则不会。两种情况下本算法均正常结束，便于模型按错误数继续。</translation>
    </message>
    <message>
        <source>Number of errors</source>
        <translation>错误数</translation>
    </message>
    <message>
        <source>Number of warnings</source>
        <translation>警告数</translation>
    </message>
    <message>
        <source>Findings, one a line</source>
        <translation>检查结果，每行一条</translation>
    </message>
    <message>
        <source>Write the report of a run</source>
        <translation>生成检测报告</translation>
    </message>
    <message>
        <source>Pages for the largest candidates</source>
        <translation>最大图斑的页数</translation>
    </message>
    <message>
        <source>Only confirmed candidates</source>
        <translation>仅已确认的图斑</translation>
    </message>
    <message>
        <source>Language</source>
        <translation>语言</translation>
    </message>
    <message>
        <source>Report (PDF)</source>
        <translation>报告（PDF）</translation>
    </message>
    <message>
        <source>Tables (XLSX)</source>
        <translation>表格（XLSX）</translation>
    </message>
    <message>
        <source>Candidates (CSV)</source>
        <translation>图斑（CSV）</translation>
    </message>
    <message>
        <source>Candidates (GeoJSON)</source>
        <translation>图斑（GeoJSON）</translation>
    </message>
    <message>
        <source>Office</source>
        <translation>单位</translation>
    </message>
    <message>
        <source>Author</source>
        <translation>编制人</translation>
    </message>
    <message>
        <source>Folder for the report</source>
        <translation>报告文件夹</translation>
    </message>
    <message>
        <source>This layer is no web map: a detection reads it as it is.</source>
        <translation>该图层不是网络地图：检测可直接读取。</translation>
    </message>
    <message>
        <source>Saved map</source>
        <translation>已保存的地图</translation>
    </message>
    <message>
        <source>Resolution (map units per pixel)</source>
        <translation>分辨率（每像元地图单位）</translation>
    </message>
    <message>
        <source>Image of the other date</source>
        <translation>另一期影像</translation>
    </message>
    <message>
        <source>Web map</source>
        <translation>网络地图</translation>
    </message>
    <message>
        <source>Fetches a part of a web map (XYZ, WMS, WMTS, ArcGIS) and saves it as a file that a detection can read, with the attribution of the map. Without an extent it is that of the other image, on whose pixels the map is laid; the resolution is in units of the other image&apos;s coordinate system, else of the project&apos;s.</source>
        <translation>获取网络地图（XYZ、WMS、WMTS、ArcGIS）的一部分，连同其版权信息保存为检测可读取的文件。未给出范围时采用另一期影像的范围，并与其像元对齐；分辨率的单位取自另一期影像的坐标系，否则取自工程的坐标系。</translation>
    </message>
    <message>
        <source>Save a web map as a raster</source>
        <translation>将网络地图保存为栅格</translation>
    </message>
    <message>
        <source>Make the polygons of a run anew</source>
        <translation>重新生成图斑</translation>
    </message>
    <message>
        <source>Reads the rasters of a run folder and writes its candidates and hard regions anew, with another confidence limit or minimum mapping unit. The network does not run again.</source>
        <translation>读取检测结果文件夹中的栅格，按另外的置信度界限或最小制图单元重新生成图斑和低置信区域，不再运行网络。</translation>
    </message>
    <message>
        <source>Compare a result with a reference</source>
        <translation>将结果与参考数据比较</translation>
    </message>
    <message>
        <source>Measures how right a map of change classes is: precision, recall, F1 and IoU of change and of each class, accuracy, kappa, SCD_IoU_mean, SeK, Fscd and the confusion matrix, as a page and as JSON.

The reference is either a raster of class ids (254: changed, class not known; 255: nothing known) or a mask of 0 and 255, or polygons of what changed; the ground outside the polygons counts as unchanged. Without a field of classes only change or none is measured.</source>
        <translation>衡量变化类别图的正确程度：变化及各类别的精确率、召回率、F1 和 IoU，总体精度、kappa、SCD_IoU_mean、SeK、Fscd 以及混淆矩阵，以网页和 JSON 给出。

参考数据可以是类别编号栅格（254：有变化但类别未知；255：无信息）或由 0 和 255 组成的掩膜，也可以是变化范围的多边形；多边形之外视为未变化。若不给出类别字段，只衡量是否变化。</translation>
    </message>
    <message>
        <source>Change classes of a run</source>
        <translation>一次检测的变化类别</translation>
    </message>
    <message>
        <source>Reference raster</source>
        <translation>参考栅格</translation>
    </message>
    <message>
        <source>or reference polygons</source>
        <translation>或参考多边形</translation>
    </message>
    <message>
        <source>Field with class ids or names</source>
        <translation>类别编号或名称字段</translation>
    </message>
    <message>
        <source>Evaluation folder</source>
        <translation>评价结果文件夹</translation>
    </message>
    <message>
        <source>Evaluation</source>
        <translation>评价</translation>
    </message>
    <message>
        <source>Change or none</source>
        <translation>是否变化</translation>
    </message>
    <message>
        <source>Give either a reference raster or reference polygons.</source>
        <translation>请给出参考栅格或参考多边形之一。</translation>
    </message>
    <message>
        <source>Ask CLIP about doubtful candidates</source>
        <translation>请 CLIP 复判可疑图斑</translation>
    </message>
    <message>
        <source>Shows the doubtful candidates of a run (confidence 0.45 to 0.75), before and after side by side, to a CLIP whose weights you have (OpenAI's or RemoteCLIP, any ViT), and keeps in the fields referee_score and referee_verdict whether it sees a real change. Nothing is deleted. Where CLIP would doubt most of the area, it does not know this imagery, and the verdicts are withheld.</source>
        <translation>将一次检测中的可疑图斑（置信度 0.45 至 0.75）的前后影像并排交给 CLIP 判断（权重由您提供：OpenAI 或 RemoteCLIP 的任一 ViT），并在字段 referee_score 和 referee_verdict 中记录其是否认为是真实变化。不删除任何图斑。若 CLIP 会否定大部分面积，说明它不熟悉此类影像，此时不给出判定。</translation>
    </message>
    <message>
        <source>CLIP weights</source>
        <translation>CLIP 权重</translation>
    </message>
    <message>
        <source>Doubtful candidates</source>
        <translation>可疑图斑</translation>
    </message>
    <message>
        <source>Likely pseudo-changes</source>
        <translation>可能的伪变化</translation>
    </message>
    <message>
        <source>Scene</source>
        <translation>场景</translation>
    </message>
    <message>
        <source>To be ignored</source>
        <translation>忽略的干扰</translation>
    </message>
    <message>
        <source>not given</source>
        <translation>不指定</translation>
    </message>
    <message>
        <source>nothing</source>
        <translation>无</translation>
    </message>
    <message>
        <source>farmland</source>
        <translation>耕地</translation>
    </message>
    <message>
        <source>rural</source>
        <translation>乡村</translation>
    </message>
    <message>
        <source>suburban</source>
        <translation>城郊</translation>
    </message>
    <message>
        <source>urban</source>
        <translation>城市</translation>
    </message>
    <message>
        <source>forest</source>
        <translation>林地</translation>
    </message>
    <message>
        <source>water</source>
        <translation>水域</translation>
    </message>
    <message>
        <source>mixed</source>
        <translation>混合</translation>
    </message>
    <message>
        <source>unknown</source>
        <translation>未知</translation>
    </message>
    <message>
        <source>shadow</source>
        <translation>阴影</translation>
    </message>
    <message>
        <source>illumination</source>
        <translation>光照</translation>
    </message>
    <message>
        <source>season</source>
        <translation>季节</translation>
    </message>
    <message>
        <source>misalignment</source>
        <translation>配准偏差</translation>
    </message>
    <message>
        <source>cloud</source>
        <translation>云</translation>
    </message>
    <message>
        <source>sensor noise</source>
        <translation>传感器噪声</translation>
    </message>
    <message>
        <source>Summary for the screen (HTML)</source>
        <translation>摘要网页（HTML）</translation>
    </message>
    <message>
        <source>Stopped. Files that were finished are kept.</source>
        <translation>已停止，已完成的文件予以保留。</translation>
    </message>
    <message>
        <source>All but pseudo-changes</source>
        <translation>除伪变化外的全部</translation>
    </message>
    <message>
        <source>At least</source>
        <translation>最小面积</translation>
    </message>
    <message>
        <source>Classes</source>
        <translation>类别</translation>
    </message>
    <message>
        <source>Confirmed candidates</source>
        <translation>已确认图斑</translation>
    </message>
    <message>
        <source>Drawing the preview</source>
        <translation>正在绘制预览</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>导出</translation>
    </message>
    <message>
        <source>FarmCD: preview of the report</source>
        <translation>FarmCD：报告预览</translation>
    </message>
    <message>
        <source>FarmCD: write the report</source>
        <translation>FarmCD：编制报告</translation>
    </message>
    <message>
        <source>Look at this page</source>
        <translation>放大查看此页</translation>
    </message>
    <message>
        <source>More choices</source>
        <translation>更多选项</translation>
    </message>
    <message>
        <source>No preview: QGIS's own Python could not be started beside it.</source>
        <translation>无法预览：未能另行启动 QGIS 自带的 Python。</translation>
    </message>
    <message>
        <source>Nothing is reviewed yet: all candidates are shown, and the report says so.</source>
        <translation>尚无复核结果：列出全部图斑，报告中已注明。</translation>
    </message>
    <message>
        <source>Open the folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Open the report</source>
        <translation>打开报告</translation>
    </message>
    <message>
        <source>Outputs</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>Pages</source>
        <translation>单页图斑数</translation>
    </message>
    <message>
        <source>Polygons of administrative units or parcels, for a table of their own</source>
        <translation>行政区或地块面图层，用于分单元统计</translation>
    </message>
    <message>
        <source>Preview of the report</source>
        <translation>报告预览</translation>
    </message>
    <message>
        <source>So many of the largest candidates get a page each</source>
        <translation>面积最大的若干图斑，每个一页</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>正在启动</translation>
    </message>
    <message>
        <source>The report is written.</source>
        <translation>报告已生成。</translation>
    </message>
    <message>
        <source>Their name</source>
        <translation>名称字段</translation>
    </message>
    <message>
        <source>Units</source>
        <translation>统计单元</translation>
    </message>
    <message>
        <source>Write a report</source>
        <translation>编制报告</translation>
    </message>
    <message>
        <source>as in the run</source>
        <translation>与检测时相同</translation>
    </message>
    <message>
        <source>{pages} pages, {candidates} candidates</source>
        <translation>共{pages}页，{candidates}个图斑</translation>
    </message>
    <message>
        <source>Bands and stretch of this date</source>
        <translation>该期影像的波段与拉伸</translation>
    </message>
    <message>
        <source>Instead of before</source>
        <translation>代替前时相</translation>
    </message>
    <message>
        <source>Side by side</source>
        <translation>并排对比</translation>
    </message>
    <message>
        <source>Swipe</source>
        <translation>卷帘</translation>
    </message>
    <message>
        <source>Same stretch</source>
        <translation>同一拉伸</translation>
    </message>
    <message>
        <source>FarmCD Before and after</source>
        <translation>FarmCD 前后时相对比</translation>
    </message>
    <message>
        <source>Accuracy</source>
        <translation>精度</translation>
    </message>
    <message>
        <source>Accuracy (%)</source>
        <translation>精度（%）</translation>
    </message>
    <message>
        <source>Accuracy of {0}</source>
        <translation>{0} 的精度</translation>
    </message>
    <message>
        <source>Accuracy sample</source>
        <translation>精度样本</translation>
    </message>
    <message>
        <source>All figures (JSON)</source>
        <translation>全部数值（JSON）</translation>
    </message>
    <message>
        <source>All points</source>
        <translation>全部样本点</translation>
    </message>
    <message>
        <source>Areas</source>
        <translation>面积</translation>
    </message>
    <message>
        <source>Assess accuracy</source>
        <translation>精度评价</translation>
    </message>
    <message>
        <source>Assess the accuracy of a run</source>
        <translation>评价一次检测的精度</translation>
    </message>
    <message>
        <source>Cannot tell</source>
        <translation>无法判断</translation>
    </message>
    <message>
        <source>Choose a run above to assess it.</source>
        <translation>请在上方选择要评价的检测结果。</translation>
    </message>
    <message>
        <source>Class</source>
        <translation>类别</translation>
    </message>
    <message>
        <source>Classes (CSV)</source>
        <translation>各类别（CSV）</translation>
    </message>
    <message>
        <source>Counting the pixels of the classes</source>
        <translation>正在统计各类别像元数</translation>
    </message>
    <message>
        <source>Draw a sample first.</source>
        <translation>请先抽取样本。</translation>
    </message>
    <message>
        <source>Draw again</source>
        <translation>重新抽样</translation>
    </message>
    <message>
        <source>Draw an accuracy sample of a run</source>
        <translation>为一次检测抽取精度样本</translation>
    </message>
    <message>
        <source>Draw sample</source>
        <translation>抽取样本</translation>
    </message>
    <message>
        <source>Drawing the sample</source>
        <translation>正在抽样</translation>
    </message>
    <message>
        <source>Draws pixels at random within each class of a run's map, into the layer accuracy_sample of its GeoPackage. Their number follows from the standard error that the overall accuracy may have (equation 13 of Olofsson et al. 2014); a rare class gets the minimum, which is taken from the larger classes.

Judge the points in the accuracy dock, then compute the assessment. A sample without judgements is replaced; one that somebody has begun to judge grows to the wanted size.</source>
        <translation>在一次检测结果的每个类别中随机抽取像元，写入其 GeoPackage 的 accuracy_sample 图层。样本量由总体精度允许的标准误确定（Olofsson 等 2014，公式 13）；稀少类别取最少点数，该点数从较大类别中扣除。

请在精度面板中判读各点，然后计算精度评价。尚无判读的样本会被替换；已开始判读的样本会增补到所需数量。</translation>
    </message>
    <message>
        <source>Error matrix (CSV)</source>
        <translation>误差矩阵（CSV）</translation>
    </message>
    <message>
        <source>Error matrix (points)</source>
        <translation>误差矩阵（点数）</translation>
    </message>
    <message>
        <source>Estimated (ha)</source>
        <translation>估计（公顷）</translation>
    </message>
    <message>
        <source>Estimated (mu)</source>
        <translation>估计（亩）</translation>
    </message>
    <message>
        <source>Every point has an answer. See the result.</source>
        <translation>所有样本点均已判读，请查看结果。</translation>
    </message>
    <message>
        <source>Expected user's accuracy of no change</source>
        <translation>“未变化”类的预期用户精度</translation>
    </message>
    <message>
        <source>Expected user's accuracy of the classes of change</source>
        <translation>各变化类别的预期用户精度</translation>
    </message>
    <message>
        <source>FarmCD accuracy: {action}</source>
        <translation>FarmCD 精度评价：{action}</translation>
    </message>
    <message>
        <source>Folder for the assessment</source>
        <translation>精度评价输出文件夹</translation>
    </message>
    <message>
        <source>Judge</source>
        <translation>判读</translation>
    </message>
    <message>
        <source>Judge the points of a sample first.</source>
        <translation>请先判读样本点。</translation>
    </message>
    <message>
        <source>Judged</source>
        <translation>已判读</translation>
    </message>
    <message>
        <source>Least points in a class</source>
        <translation>每类最少点数</translation>
    </message>
    <message>
        <source>Map | judgement</source>
        <translation>图上类别 | 判读类别</translation>
    </message>
    <message>
        <source>Mapped (ha)</source>
        <translation>图上面积（公顷）</translation>
    </message>
    <message>
        <source>Mark off</source>
        <translation>隐藏标记</translation>
    </message>
    <message>
        <source>Mark on</source>
        <translation>显示标记</translation>
    </message>
    <message>
        <source>No judged point yet in: {classes}. Until then areas and overall accuracy cannot be estimated.</source>
        <translation>以下类别尚无已判读的点：{classes}。在此之前无法估计面积和总体精度。</translation>
    </message>
    <message>
        <source>Not judged</source>
        <translation>未判读</translation>
    </message>
    <message>
        <source>Note to the next judgement</source>
        <translation>下一次判读的备注</translation>
    </message>
    <message>
        <source>Number of points</source>
        <translation>样本点数</translation>
    </message>
    <message>
        <source>Overall accuracy</source>
        <translation>总体精度</translation>
    </message>
    <message>
        <source>Point {number}</source>
        <translation>样本点 {number}</translation>
    </message>
    <message>
        <source>Points</source>
        <translation>点数</translation>
    </message>
    <message>
        <source>Producer's</source>
        <translation>生产者精度</translation>
    </message>
    <message>
        <source>Rare classes get so many points; the larger classes give them up.</source>
        <translation>稀少类别至少取这么多点，由较大类别让出。</translation>
    </message>
    <message>
        <source>Result</source>
        <translation>结果</translation>
    </message>
    <message>
        <source>Rows: the map; columns: the judgement, by class number. ± is half of the 95 % interval.</source>
        <translation>行为图上类别，列为判读类别（以类别编号表示）。± 为 95 % 置信区间的一半。</translation>
    </message>
    <message>
        <source>Sample</source>
        <translation>样本</translation>
    </message>
    <message>
        <source>Save as page, CSV and JSON…</source>
        <translation>保存为网页、CSV 和 JSON…</translation>
    </message>
    <message>
        <source>Seed</source>
        <translation>随机种子</translation>
    </message>
    <message>
        <source>Seed (0: a new one)</source>
        <translation>随机种子（0：新取）</translation>
    </message>
    <message>
        <source>Standard error of the overall accuracy</source>
        <translation>总体精度的标准误</translation>
    </message>
    <message>
        <source>Still in this sample: {remaining}. Choose them above.</source>
        <translation>样本中还有：{remaining}。可在上方选择。</translation>
    </message>
    <message>
        <source>Stratified random sample over the mapped classes, {drawn} points, seed {seed}. Estimates after Olofsson et al. (2014), Remote Sensing of Environment 148, 42-57. Judged by {reviewers}; last on {date}.</source>
        <translation>按图上类别分层随机抽样，共 {drawn} 个点，随机种子 {seed}。估计方法见 Olofsson 等（2014），Remote Sensing of Environment 148, 42-57。判读人：{reviewers}；最后判读日期：{date}。</translation>
    </message>
    <message>
        <source>The share of the pixels of this class that you think are right.</source>
        <translation>您预计该类别中正确像元所占的比例。</translation>
    </message>
    <message>
        <source>There is a sample of {total} points without judgements; drawing again replaces it.</source>
        <translation>已有 {total} 个点的样本，尚无判读；重新抽样将替换它。</translation>
    </message>
    <message>
        <source>Total</source>
        <translation>合计</translation>
    </message>
    <message>
        <source>Twice this is about how far the overall accuracy may be from the truth, on either side.</source>
        <translation>总体精度偏离真值的范围约为该值的两倍（正负两侧）。</translation>
    </message>
    <message>
        <source>User's</source>
        <translation>用户精度</translation>
    </message>
    <message>
        <source>Wanted standard error of the overall accuracy</source>
        <translation>总体精度所需的标准误</translation>
    </message>
    <message>
        <source>Works out what the judged accuracy sample of a run says of its map: error matrix, user's, producer's and overall accuracy, F1, and the area of each class in ha and mu, all with standard errors and 95 % intervals after Olofsson et al. (2014).

Writes a page, a table of the classes, the error matrix and all figures as JSON.</source>
        <translation>根据已判读的精度样本评价检测结果：误差矩阵、用户精度、生产者精度、总体精度、F1，以及各类别面积（公顷和亩），均附标准误和 95 % 置信区间（Olofsson 等 2014）。

输出网页、类别表、误差矩阵和包含全部数值的 JSON。</translation>
    </message>
    <message>
        <source>Written to {0}: {1}</source>
        <translation>已写入 {0}：{1}</translation>
    </message>
    <message>
        <source>{0} holds no judged accuracy sample. Draw one and judge its points first.</source>
        <translation>{0} 中没有已判读的精度样本。请先抽样并判读。</translation>
    </message>
    <message>
        <source>{class_name}: all {count} judged points agree, so that no interval can be given; up to {percent} % may still be wrong.</source>
        <translation>{class_name}：{count} 个已判读点全部一致，因此无法给出区间；实际错误率仍可能达到 {percent} %。</translation>
    </message>
    <message>
        <source>{count} points without an answer are left out; if they are harder than the others, the map is less accurate than the figures say.</source>
        <translation>{count} 个未能判断的点未计入；如果它们比其他点更难判读，则实际精度低于所列数值。</translation>
    </message>
    <message>
        <source>{judged} of {drawn} points have been judged; the figures change until all are.</source>
        <translation>{drawn} 个点中已判读 {judged} 个；全部判读之前数值还会变化。</translation>
    </message>
    <message>
        <source>{judged} of {total} judged</source>
        <translation>已判读 {judged} / {total}</translation>
    </message>
    <message>
        <source>{total} points in all.</source>
        <translation>共 {total} 个点。</translation>
    </message>
    <message>
        <source>{total} points in all: every pixel of the map; {size} would be needed.</source>
        <translation>共 {total} 个点，即图上全部像元；所需为 {size} 个。</translation>
    </message>
    <message>
        <source>{total} points in all: the minimum of each class takes more than the {size} that suffice.</source>
        <translation>共 {total} 个点：各类最少点数之和超过所需的 {size} 个。</translation>
    </message>
    <message>
        <source>Conflict</source>
        <translation>意见不一</translation>
    </message>
    <message>
        <source>Unknown (of a newer version)</source>
        <translation>未知（较新版本的结论）</translation>
    </message>
    <message>
        <source>Export training samples</source>
        <translation>导出训练样本</translation>
    </message>
    <message>
        <source>Makes training samples from the reviewed candidates of a run: both dates and a label with the class of confirmed and reclassified candidates, no change in rejected ones, and 255 where nobody judged. A checkpoint can be fine-tuned with them (farmcd finetune).

Squares without labels can go in as well: of the rest of the run, where nobody judged, and of another pair. From these the network learns to say the same of a place in any light; a step of training takes three to four times as long then.</source>
        <translation>由一次检测中已复核的图斑生成训练样本：两期影像和标签，确认和改类的图斑取其类别，否定的图斑为无变化，未判读处为 255。可用这些样本微调模型（farmcd finetune）。

也可加入无标签图块：该次检测中未判读的其余部分，以及另一对影像。网络从中学习对同一地点在不同光照下给出一致的结果；此时每个训练步耗时为原来的三至四倍。</translation>
    </message>
    <message>
        <source>Other pairs without labels (a run, or a folder with images A and B)</source>
        <translation>其他无标签影像对（检测文件夹，或含 A、B 影像的文件夹）</translation>
    </message>
    <message>
        <source>Squares without labels</source>
        <translation>无标签图块</translation>
    </message>
    <message>
        <source>Folder for the samples</source>
        <translation>样本文件夹</translation>
    </message>
    <message>
        <source>Samples</source>
        <translation>样本数</translation>
    </message>
    <message>
        <source>Finds where farmland became something else between two rasters, and as which of five classes: bareland, building, road, vegetation or water.

The two rasters may differ in CRS, resolution and extent; they are brought onto one grid. Only pixels inside the extent, the area of interest and the farmland polygons are looked at, as far as these are given.

The output folder gets the change classes, the confidence and the arbitration as rasters, the candidates and the hard regions as polygons in one GeoPackage, and run.json, the record of the run. A run that was stopped there goes on; another run that is finished is not replaced unless you ask for it.</source>
        <translation>找出两期栅格之间耕地变成了什么，分为五类：裸地、建筑、道路、植被或水体。

两期栅格的坐标系、分辨率和范围可以不同，会被统一到同一格网。如给定了范围、关注区和耕地面，则只检测其中的像素。

输出文件夹中有变化类别、置信度和仲裁栅格，一个 GeoPackage 中的图斑和低置信区域，以及检测记录 run.json。在该文件夹中中断的检测会继续进行；已完成的其他检测结果只有在您要求时才会被替换。</translation>
    </message>
    <message>
        <source>Stopped. What is finished stays in {0}; press Run to go on from there.</source>
        <translation>已停止。已完成的部分保留在 {0}；再次点击“运行”即可从中断处继续。</translation>
    </message>
    <message>
        <source>Stopped. What is finished stays in {0}; the same run goes on from there.</source>
        <translation>已停止。已完成的部分保留在 {0}；相同的检测会从中断处继续。</translation>
    </message>
    <message>
        <source>This run was finished before; nothing was computed.</source>
        <translation>该检测此前已完成，未重新计算。</translation>
    </message>
    <message>
        <source>The unfinished run was continued.</source>
        <translation>已继续未完成的检测。</translation>
    </message>
    <message>
        <source>An unfinished run of other inputs or settings was removed.</source>
        <translation>输入或设置不同的未完成检测已被移除。</translation>
    </message>
    <message>
        <source>Compute a finished run anew</source>
        <translation>重新计算已完成的检测</translation>
    </message>
    <message>
        <source>Replaces the run that the output folder holds</source>
        <translation>将替换输出文件夹中已有的检测结果</translation>
    </message>
    <message>
        <source>Compute a finished run anew, and replace it</source>
        <translation>重新计算已完成的检测并替换原结果</translation>
    </message>
    <message>
        <source>What became of the pixel in the middle of the mark? Judge by the images alone.</source>
        <translation>标记中央的像元变成了什么？请仅依据影像判读。</translation>
    </message>
    <message>
        <source>There is a sample of {total} points, {judged} of them judged. Drawing adds {more} points to it.</source>
        <translation>已有 {total} 个点的样本，其中 {judged} 个已判读。再次抽样将增补 {more} 个点。</translation>
    </message>
    <message>
        <source>Fewer than the {few} judged points that a class should have: {classes}.</source>
        <translation>已判读点少于每类应有的 {few} 个：{classes}。</translation>
    </message>
    <message>
        <source>Draw more points</source>
        <translation>增补样本点</translation>
    </message>
    <message>
        <source>Standard error to be expected with them: {percent} %.</source>
        <translation>预计标准误：{percent} %。</translation>
    </message>
    <message>
        <source>0–24 %: text says change</source>
        <translation>0–24 %：文本判为变化</translation>
    </message>
    <message>
        <source>25–50 %: text leans to change</source>
        <translation>25–50 %：文本倾向变化</translation>
    </message>
    <message>
        <source>51–74 %: text leans to no change</source>
        <translation>51–74 %：文本倾向未变化</translation>
    </message>
    <message>
        <source>75–100 %: text says no change</source>
        <translation>75–100 %：文本判为未变化</translation>
    </message>
    <message>
        <source>0–20: least</source>
        <translation>0–20：最少</translation>
    </message>
    <message>
        <source>21–40</source>
        <translation>21–40</translation>
    </message>
    <message>
        <source>41–60</source>
        <translation>41–60</translation>
    </message>
    <message>
        <source>61–80</source>
        <translation>61–80</translation>
    </message>
    <message>
        <source>81–100: looked here most</source>
        <translation>81–100：最为关注</translation>
    </message>
    <message>
        <source>below 50 %: very unsure</source>
        <translation>低于 50 %：很不确定</translation>
    </message>
    <message>
        <source>50–64 %: unsure</source>
        <translation>50–64 %：不确定</translation>
    </message>
    <message>
        <source>65–79 %: doubtful, below tau 0.80</source>
        <translation>65–79 %：存疑，低于 tau 0.80</translation>
    </message>
    <message>
        <source>80–89 %: fairly sure</source>
        <translation>80–89 %：较确定</translation>
    </message>
    <message>
        <source>90 % and more: sure</source>
        <translation>90 % 及以上：确定</translation>
    </message>
    <message>
        <source>Point</source>
        <translation>样本点</translation>
    </message>
    <message>
        <source>Mapped class id</source>
        <translation>图上类别代码</translation>
    </message>
    <message>
        <source>Judgement</source>
        <translation>判读</translation>
    </message>
    <message>
        <source>Judged class id</source>
        <translation>判读类别代码</translation>
    </message>
    <message>
        <source>Lowest confidence (%)</source>
        <translation>最低置信度（%）</translation>
    </message>
    <message>
        <source>Unsure share of the area (%)</source>
        <translation>低置信面积占比（%）</translation>
    </message>
    <message>
        <source>Referee</source>
        <translation>裁判模型</translation>
    </message>
    <message>
        <source>Class by the review</source>
        <translation>复核类别</translation>
    </message>
    <message>
        <source>{class_name} (confirmed)</source>
        <translation>{class_name}（已确认）</translation>
    </message>
    <message>
        <source>Not reviewed (plain)</source>
        <translation>未复核（细实线）</translation>
    </message>
    <message>
        <source>To review</source>
        <translation>待复核</translation>
    </message>
    <message>
        <source>Unsure (dotted)</source>
        <translation>存疑（点线）</translation>
    </message>
    <message>
        <source>All</source>
        <translation>全部</translation>
    </message>
    <message>
        <source>Share where the text disagrees (%)</source>
        <translation>文本不一致占比（%）</translation>
    </message>
    <message>
        <source>Hard region %1 · %2 ha</source>
        <translation>低置信区域 %1 · %2 公顷</translation>
    </message>
    <message>
        <source>No change according to the text (%)</source>
        <translation>文本判为未变化（%）</translation>
    </message>
    <message>
        <source>No. %1 · %2 · %3 ha</source>
        <translation>%1 号 · %2 · %3 公顷</translation>
    </message>
    <message>
        <source>No.</source>
        <translation>编号</translation>
    </message>
    <message>
        <source>Draw a line across the outline with QGIS's own tools, end it by a right click, then save. Undo takes a saved change back.</source>
        <translation>用 QGIS 自带的工具画一条穿过轮廓的线，右键结束，然后保存。撤销可收回已保存的修改。</translation>
    </message>
    <message>
        <source>Smooth</source>
        <translation>平滑</translation>
    </message>
    <message>
        <source>The changed outlines are in the log of the run's review.</source>
        <translation>修改后的轮廓已记入该检测的复核日志。</translation>
    </message>
    <message>
        <source>This outline cannot be made smooth without running into another one.</source>
        <translation>无法平滑此轮廓而不与相邻图斑重叠。</translation>
    </message>
    <message>
        <source>Drawn by hand: the model saw no change here.</source>
        <translation>人工勾绘：模型在此未发现变化。</translation>
    </message>
    <message>
        <source>Filter</source>
        <translation>筛选</translation>
    </message>
    <message>
        <source>Filter ({count})</source>
        <translation>筛选（{count}）</translation>
    </message>
    <message>
        <source>Many at once</source>
        <translation>批量处理</translation>
    </message>
    <message>
        <source>Nearby</source>
        <translation>附近</translation>
    </message>
    <message>
        <source>No. {number} · {area}</source>
        <translation>{number} 号 · {area}</translation>
    </message>
    <message>
        <source>Not found on this computer: {files}. Add the image to the project to compare the dates.</source>
        <translation>本机上找不到：{files}。请将影像加入工程，以便对比前后时相。</translation>
    </message>
    <message>
        <source>Order</source>
        <translation>顺序</translation>
    </message>
    <message>
        <source>Origin</source>
        <translation>来源</translation>
    </message>
    <message>
        <source>Outline</source>
        <translation>轮廓</translation>
    </message>
    <message>
        <source>Real change</source>
        <translation>真实变化</translation>
    </message>
    <message>
        <source>Text prior</source>
        <translation>文本先验</translation>
    </message>
    <message>
        <source>none within {metres} m</source>
        <translation>{metres} 米内无其他图斑</translation>
    </message>
    <message>
        <source>{classes} within {metres} m ({verdicts})</source>
        <translation>{metres} 米内：{classes}（{verdicts}）</translation>
    </message>
    <message>
        <source>{percent} %</source>
        <translation>{percent} %</translation>
    </message>
    <message>
        <source>{percent} % for no change</source>
        <translation>{percent} % 判为未变化</translation>
    </message>
    <message>
        <source>{percent} %, else {class_name}</source>
        <translation>{percent} %，次选{class_name}</translation>
    </message>
    <message>
        <source>Colour images, five classes</source>
        <translation>彩色影像，五类变化</translation>
    </message>
    <message>
        <source>Colour images, five classes, small network</source>
        <translation>彩色影像，五类变化，小型网络</translation>
    </message>
    <message>
        <source>Figures and limits</source>
        <translation>精度与适用范围</translation>
    </message>
    <message>
        <source>Images with near infrared, five classes</source>
        <translation>含近红外影像，五类变化</translation>
    </message>
    <message>
        <source>Without training (land-cover comparison)</source>
        <translation>无需训练（土地覆盖比较）</translation>
    </message>
    <message>
        <source>Nobody trained it on change: expect a first map to look at and to correct.</source>
        <translation>未用变化样本训练：结果仅供初步查看和修正。</translation>
    </message>
    <message>
        <source>It knows new buildings and roads alone, and not ponds or bare land.</source>
        <translation>只识别新增建筑和道路，不识别坑塘和裸地。</translation>
    </message>
    <message>
        <source>Of ten marked hectares about {right} are right; of ten that changed it finds about {found}.</source>
        <translation>标出的每十公顷中约有 {right} 公顷正确；实际变化的每十公顷约能找到 {found} 公顷。</translation>
    </message>
    <message>
        <source>Suited to imagery of {0:g} to {1:g} m per pixel.</source>
        <translation>适用于每像素 {0:g} 至 {1:g} 米的影像。</translation>
    </message>
    <message>
        <source>(on {percent} % of the area)</source>
        <translation>（占面积 {percent} %）</translation>
    </message>
    <message>
        <source>Calibration</source>
        <translation>置信度校准</translation>
    </message>
    <message>
        <source>Description</source>
        <translation>说明</translation>
    </message>
    <message>
        <source>Figures</source>
        <translation>精度指标</translation>
    </message>
    <message>
        <source>Licence</source>
        <translation>许可</translation>
    </message>
    <message>
        <source>Limits</source>
        <translation>适用范围与局限</translation>
    </message>
    <message>
        <source>Measured on</source>
        <translation>测评数据</translation>
    </message>
    <message>
        <source>Reads</source>
        <translation>读取波段</translation>
    </message>
    <message>
        <source>Suited to</source>
        <translation>适用影像</translation>
    </message>
    <message>
        <source>Text encoder</source>
        <translation>文本编码器</translation>
    </message>
    <message>
        <source>Trained on</source>
        <translation>训练数据</translation>
    </message>
    <message>
        <source>What it marks and finds</source>
        <translation>标出与找到的情况</translation>
    </message>
    <message>
        <source>{0:g} to {1:g} m per pixel</source>
        <translation>每像素 {0:g} 至 {1:g} 米</translation>
    </message>
    <message>
        <source>Candidate</source>
        <translation>图斑编号</translation>
    </message>
    <message>
        <source>Class id</source>
        <translation>类别代码</translation>
    </message>
    <message>
        <source>Second class id</source>
        <translation>次选类别代码</translation>
    </message>
    <message>
        <source>Second class</source>
        <translation>次选类别</translation>
    </message>
    <message>
        <source>Area (ha)</source>
        <translation>面积（公顷）</translation>
    </message>
    <message>
        <source>Area (mu)</source>
        <translation>面积（亩）</translation>
    </message>
    <message>
        <source>Mean confidence (0–1)</source>
        <translation>平均置信度（0–1）</translation>
    </message>
    <message>
        <source>Lowest confidence (0–1)</source>
        <translation>最低置信度（0–1）</translation>
    </message>
    <message>
        <source>Share of hard pixels (0–1)</source>
        <translation>困难像元比例（0–1）</translation>
    </message>
    <message>
        <source>No change according to the text (0–1)</source>
        <translation>文本判为未变化（0–1）</translation>
    </message>
    <message>
        <source>Share where the text disagrees (0–1)</source>
        <translation>文本不一致比例（0–1）</translation>
    </message>
    <message>
        <source>Review</source>
        <translation>复核</translation>
    </message>
    <message>
        <source>Hard region</source>
        <translation>低置信区域</translation>
    </message>
    <message>
        <source>found by itself</source>
        <translation>自动查找</translation>
    </message>
    <message>
        <source>Environment of the networks</source>
        <translation>网络运行环境</translation>
    </message>
    <message>
        <source>Install the environment of the networks</source>
        <translation>安装网络运行环境</translation>
    </message>
    <message>
        <source>FarmCD's networks run in a Python of their own, apart from QGIS. To install it, packages are fetched once. Nothing of yours is sent, and nothing of QGIS is changed.</source>
        <translation>FarmCD 的网络在独立于 QGIS 的 Python 中运行。安装时只需下载一次软件包；不会发送您的任何数据，也不会改动 QGIS。</translation>
    </message>
    <message>
        <source>Install</source>
        <translation>安装</translation>
    </message>
    <message>
        <source>the processor</source>
        <translation>处理器</translation>
    </message>
    <message>
        <source>Apple's graphics, or the processor</source>
        <translation>Apple 图形处理器或处理器</translation>
    </message>
    <message>
        <source>{0} packages for Python {1}: PyTorch and what it needs, to compute on {2}</source>
        <translation>{0} 个软件包（Python {1}）：PyTorch 及其依赖，在{2}上计算</translation>
    </message>
    <message>
        <source>{0} to fetch; about {1} on the disk afterwards ({2} are free)</source>
        <translation>下载 {0}；安装后约占 {1}（剩余 {2}）</translation>
    </message>
    <message>
        <source>What</source>
        <translation>内容</translation>
    </message>
    <message>
        <source>How big</source>
        <translation>大小</translation>
    </message>
    <message>
        <source>From where</source>
        <translation>来源</translation>
    </message>
    <message>
        <source>To where</source>
        <translation>位置</translation>
    </message>
    <message>
        <source>Made from</source>
        <translation>所用 Python</translation>
    </message>
    <message>
        <source>Your own Python is used: {0}</source>
        <translation>使用自有 Python：{0}</translation>
    </message>
    <message>
        <source>Use FarmCD's own</source>
        <translation>使用 FarmCD 的环境</translation>
    </message>
    <message>
        <source>Choose own Python...</source>
        <translation>选择自有 Python...</translation>
    </message>
    <message>
        <source>Looking at this computer</source>
        <translation>正在检查本机</translation>
    </message>
    <message>
        <source>Checking the environment</source>
        <translation>正在检查环境</translation>
    </message>
    <message>
        <source>Import a zip</source>
        <translation>导入 zip</translation>
    </message>
    <message>
        <source>Import a zip...</source>
        <translation>导入 zip...</translation>
    </message>
    <message>
        <source>Installing from a zip</source>
        <translation>正在从 zip 安装</translation>
    </message>
    <message>
        <source>Export a zip</source>
        <translation>导出 zip</translation>
    </message>
    <message>
        <source>Export a zip...</source>
        <translation>导出 zip...</translation>
    </message>
    <message>
        <source>Writing a zip</source>
        <translation>正在写入 zip</translation>
    </message>
    <message>
        <source>Written: {0}</source>
        <translation>已写入：{0}</translation>
    </message>
    <message>
        <source>Remove the environment</source>
        <translation>删除环境</translation>
    </message>
    <message>
        <source>Networks cannot run any more until it is installed again. Remove it?</source>
        <translation>删除后须重新安装才能运行网络。是否删除？</translation>
    </message>
    <message>
        <source>Removed; {0} are free again.</source>
        <translation>已删除；释放 {0}。</translation>
    </message>
    <message>
        <source>Removing</source>
        <translation>正在删除</translation>
    </message>
    <message>
        <source>Choose a Python with PyTorch</source>
        <translation>选择带 PyTorch 的 Python</translation>
    </message>
    <message>
        <source>Trying that Python</source>
        <translation>正在尝试该 Python</translation>
    </message>
    <message>
        <source>The diagnostics are on the clipboard.</source>
        <translation>诊断信息已复制到剪贴板。</translation>
    </message>
    <message>
        <source>Collecting diagnostics</source>
        <translation>正在收集诊断信息</translation>
    </message>
    <message>
        <source>Installing the environment</source>
        <translation>正在安装环境</translation>
    </message>
    <message>
        <source>The environment is ready. Press Run.</source>
        <translation>环境已就绪。请点击“运行”。</translation>
    </message>
    <message>
        <source>Stopped. What was fetched is kept, so that it goes on from there.</source>
        <translation>已停止。已下载的部分会保留，下次从中断处继续。</translation>
    </message>
    <message>
        <source>Update</source>
        <translation>更新</translation>
    </message>
    <message>
        <source>Repair</source>
        <translation>修复</translation>
    </message>
    <message>
        <source>Remove</source>
        <translation>删除</translation>
    </message>
    <message>
        <source>Not installed: networks cannot run yet</source>
        <translation>未安装：尚不能运行网络</translation>
    </message>
    <message>
        <source>One moment</source>
        <translation>请稍候</translation>
    </message>
    <message>
        <source>Waiting for your consent</source>
        <translation>等待您的同意</translation>
    </message>
    <message>
        <source>Fetching packages</source>
        <translation>正在下载软件包</translation>
    </message>
    <message>
        <source>Unpacking packages</source>
        <translation>正在解包</translation>
    </message>
    <message>
        <source>Checking every file</source>
        <translation>正在检查每个文件</translation>
    </message>
    <message>
        <source>Ready: networks can run</source>
        <translation>就绪：可以运行网络</translation>
    </message>
    <message>
        <source>Works, but this FarmCD was tested with newer packages</source>
        <translation>可用，但此版 FarmCD 是用更新的软件包测试的</translation>
    </message>
    <message>
        <source>Damaged: choose Repair</source>
        <translation>已损坏：请点击“修复”</translation>
    </message>
    <message>
        <source>That did not work</source>
        <translation>未成功</translation>
    </message>
    <message>
        <source>Stopped</source>
        <translation>已停止</translation>
    </message>
    <message>
        <source>as pip is set on this computer</source>
        <translation>按本机 pip 的设置</translation>
    </message>
    <message>
        <source>only where the index has no small build of PyTorch</source>
        <translation>仅当索引没有小体积 PyTorch 时填写</translation>
    </message>
    <message>
        <source>Choose...</source>
        <translation>选择...</translation>
    </message>
    <message>
        <source>Copy diagnostics</source>
        <translation>复制诊断信息</translation>
    </message>
    <message>
        <source>Where packages come from</source>
        <translation>软件包来源</translation>
    </message>
    <message>
        <source>Check these addresses</source>
        <translation>检查这些地址</translation>
    </message>
    <message>
        <source>Asking the servers</source>
        <translation>正在询问服务器</translation>
    </message>
    <message>
        <source>Known indexes</source>
        <translation>常用索引</translation>
    </message>
    <message>
        <source>Package index</source>
        <translation>软件包索引</translation>
    </message>
    <message>
        <source>Index of PyTorch's own builds</source>
        <translation>PyTorch 自有版本的索引</translation>
    </message>
    <message>
        <source>Environment</source>
        <translation>环境</translation>
    </message>
    <message>
        <source>Reviewer</source>
        <translation>复核人</translation>
    </message>
    <message>
        <source>There is no such file.</source>
        <translation>没有该文件。</translation>
    </message>
    <message>
        <source>One moment…</source>
        <translation>请稍候…</translation>
    </message>
    <message>
        <source>FarmCD review</source>
        <translation>FarmCD 复核</translation>
    </message>
    <message>
        <source>Administrative units of the candidates</source>
        <translation>图斑所属行政区</translation>
    </message>
    <message>
        <source>Confidence at least</source>
        <translation>置信度不低于</translation>
    </message>
    <message>
        <source>Confidence below</source>
        <translation>置信度低于</translation>
    </message>
    <message>
        <source>Preview on the map</source>
        <translation>在地图上预览</translation>
    </message>
    <message>
        <source>Give verdicts</source>
        <translation>批量写入判定</translation>
    </message>
    <message>
        <source>{count} of the {total} candidates in this queue, {area}</source>
        <translation>本队列 {total} 个图斑中的 {count} 个，{area}</translation>
    </message>
    <message>
        <source>Only what the map shows</source>
        <translation>仅当前地图范围</translation>
    </message>
    <message>
        <source>No filter</source>
        <translation>清除筛选</translation>
    </message>
    <message>
        <source>Anyone</source>
        <translation>所有人员</translation>
    </message>
    <message>
        <source>All units</source>
        <translation>所有行政区</translation>
    </message>
    <message>
        <source>Confidence (%)</source>
        <translation>置信度（%）</translation>
    </message>
    <message>
        <source>Unit</source>
        <translation>行政区</translation>
    </message>
    <message>
        <source>from</source>
        <translation>自</translation>
    </message>
    <message>
        <source>to</source>
        <translation>至</translation>
    </message>
    <message>
        <source>{count} left</source>
        <translation>剩余 {count} 个</translation>
    </message>
    <message>
        <source>{seconds} s each</source>
        <translation>每个 {seconds} 秒</translation>
    </message>
    <message>
        <source>about {hours} h {minutes} min</source>
        <translation>约 {hours} 小时 {minutes} 分</translation>
    </message>
    <message>
        <source>about {minutes} min</source>
        <translation>约 {minutes} 分钟</translation>
    </message>
    <message>
        <source>Another program has added verdicts to this run: {people}.</source>
        <translation>另一程序已向本次检测写入判定：{people}。</translation>
    </message>
    <message>
        <source>Writes what an office hands in of a run, reviewed or not: a PDF with summary, overview map, tables, method and provenance and a page for each of the largest candidates; the summary as HTML with sliders between before and after; the tables as XLSX and CSV; the candidates as GeoPackage, GeoJSON, Shapefile and KML. It is drawn beside QGIS, which goes on meanwhile.

Candidates that the review found to be pseudo-changes are left out. With 'Only confirmed candidates', so is all that nobody has confirmed, unless nothing has been reviewed yet.</source>
        <translation>为一次检测（无论是否复核）生成可上报的材料：含摘要、总览图、统计表、方法与数据来源以及最大图斑逐页说明的 PDF；带前后时相对比滑块的摘要网页；XLSX 和 CSV 表格；GeoPackage、GeoJSON、Shapefile 和 KML 图斑。报告在 QGIS 之外绘制，期间可继续工作。

经复核判为伪变化的图斑不计入。勾选“仅已确认图斑”时，未经确认的也不计入；尚无任何复核结果时除外。</translation>
    </message>
    <message>
        <source>Administrative units or parcels</source>
        <translation>行政区或地块</translation>
    </message>
    <message>
        <source>Field that names the units</source>
        <translation>单元名称字段</translation>
    </message>
    <message>
        <source>Farmland (as in the run, if empty)</source>
        <translation>耕地（空则与检测时相同）</translation>
    </message>
    <message>
        <source>Leave out candidates below (m²)</source>
        <translation>不计小于此面积的图斑（m²）</translation>
    </message>
    <message>
        <source>CRS of the spatial files (that of the run, if empty)</source>
        <translation>空间数据坐标系（空则与检测结果相同）</translation>
    </message>
    <message>
        <source>Of the GeoPackage and the Shapefile</source>
        <translation>GeoPackage 和 Shapefile 的坐标系</translation>
    </message>
    <message>
        <source>those of FarmCD</source>
        <translation>FarmCD 自带</translation>
    </message>
    <message>
        <source>A folder with your office's own layout templates</source>
        <translation>存放本单位布局模板的文件夹</translation>
    </message>
    <message>
        <source>CRS</source>
        <translation>坐标系</translation>
    </message>
    <message>
        <source>Templates</source>
        <translation>模板</translation>
    </message>
    <message>
        <source>Summarise the review of a run</source>
        <translation>汇总检测的复核结果</translation>
    </message>
    <message>
        <source>Counts the candidates of a run by status, by class (the reviewer's where there is one), by the reason of pseudo-changes and by reviewer, with their areas, and says how long a verdict took.</source>
        <translation>按状态、类别（有复核类别时以复核为准）、伪变化原因和复核人统计图斑个数与面积，并给出单个判定所用时间。</translation>
    </message>
    <message>
        <source>Table</source>
        <translation>表格</translation>
    </message>
    <message>
        <source>Summary for programs (JSON)</source>
        <translation>供程序使用的汇总（JSON）</translation>
    </message>
    <message>
        <source>Reviewed candidates</source>
        <translation>已复核图斑数</translation>
    </message>
    <message>
        <source>Status</source>
        <translation>状态</translation>
    </message>
    <message>
        <source>Reason of pseudo-changes</source>
        <translation>伪变化原因</translation>
    </message>
    <message>
        <source>Review of {run}</source>
        <translation>{run} 的复核</translation>
    </message>
    <message>
        <source>{total} candidates, {count} verdicts given</source>
        <translation>共 {total} 个图斑，已作判定 {count} 次</translation>
    </message>
    <message>
        <source>{name}: {seconds} s for a verdict (median)</source>
        <translation>{name}：每次判定 {seconds} 秒（中位数）</translation>
    </message>
    <message>
        <source>Merge two reviews of a run</source>
        <translation>合并同一检测的两份复核</translation>
    </message>
    <message>
        <source>Takes the verdicts that were given in a copy of a run's farmcd.gpkg into another copy. Nothing is lost: the logs of both are united.

A verdict replaces those that its reviewer could see. Where reviewers did not know of each other, the latest verdict of each counts, 'unsure' and 'skipped' give way to an opinion, and where opinions differ in the class, the candidate gets the status 'conflict', until somebody gives a verdict on it again. Merging twice changes nothing, and the order of merges does not matter.</source>
        <translation>把一份 farmcd.gpkg 副本中的判定并入另一份副本。不丢失任何内容：两份日志合并保留。

新判定取代复核人当时能看到的判定。复核人互不知情时，各人以最新判定为准，“存疑”和“跳过”让位于明确意见；类别意见不同的图斑状态为“意见不一”，直到有人再次判定。重复合并不改变结果，合并先后顺序无影响。</translation>
    </message>
    <message>
        <source>Review to add to</source>
        <translation>并入到的复核</translation>
    </message>
    <message>
        <source>Review to take from</source>
        <translation>取自的复核</translation>
    </message>
    <message>
        <source>Conflicts</source>
        <translation>意见不一</translation>
    </message>
    <message>
        <source>New rows of the log</source>
        <translation>新增日志行数</translation>
    </message>
    <message>
        <source>Candidates in conflict</source>
        <translation>意见不一的图斑数</translation>
    </message>
    <message>
        <source>{rows} new rows of the log, {candidates} candidates in conflict.</source>
        <translation>新增日志 {rows} 行，意见不一的图斑 {candidates} 个。</translation>
    </message>
    <message>
        <source>Use verdicts for training</source>
        <translation>将判定结果用于训练</translation>
    </message>
    <message>
        <source>Start training</source>
        <translation>开始训练</translation>
    </message>
    <message>
        <source>Export samples only</source>
        <translation>仅导出样本</translation>
    </message>
    <message>
        <source>Use for new runs</source>
        <translation>用于新的检测</translation>
    </message>
    <message>
        <source>New runs use {0} from now on.</source>
        <translation>今后新的检测将使用 {0}。</translation>
    </message>
    <message>
        <source>FarmCD: export samples</source>
        <translation>FarmCD：导出样本</translation>
    </message>
    <message>
        <source>Measuring the checkpoint as it is</source>
        <translation>正在测评原有权重文件</translation>
    </message>
    <message>
        <source>{0} samples are in {1}.</source>
        <translation>{0} 个样本已保存到 {1}。</translation>
    </message>
    <message>
        <source>The new checkpoint is in {0}.</source>
        <translation>新的权重文件已保存到 {0}。</translation>
    </message>
    <message>
        <source>Stopped. No checkpoint was written.</source>
        <translation>已停止，未写入权重文件。</translation>
    </message>
    <message>
        <source>minutes</source>
        <translation>分钟</translation>
    </message>
    <message>
        <source>no limit</source>
        <translation>不限</translation>
    </message>
    <message>
        <source>none: what was known may fade</source>
        <translation>无：原有能力可能减弱</translation>
    </message>
    <message>
        <source>Also from the rest of the run, without labels</source>
        <translation>同时利用该检测中未判读的其余部分（无标签）</translation>
    </message>
    <message>
        <source>The network learns to say the same of a place in any light; a step takes three times as long</source>
        <translation>网络学习对同一地点在不同光照下给出相同结果；每步耗时约为三倍</translation>
    </message>
    <message>
        <source>none; else a run, or a folder with images A and B</source>
        <translation>无；或选择一次检测，或含有 A、B 影像的文件夹</translation>
    </message>
    <message>
        <source>Other pairs without labels</source>
        <translation>其他无标签影像对</translation>
    </message>
    <message>
        <source>It learned from {0} pairs without labels as well.</source>
        <translation>还利用了 {0} 对无标签影像进行学习。</translation>
    </message>
    <message>
        <source>not kept</source>
        <translation>不保留</translation>
    </message>
    <message>
        <source>at most</source>
        <translation>最多</translation>
    </message>
    <message>
        <source>Begin with</source>
        <translation>起始权重文件</translation>
    </message>
    <message>
        <source>Mix with older data</source>
        <translation>混入原有数据</translation>
    </message>
    <message>
        <source>Training steps</source>
        <translation>训练步数</translation>
    </message>
    <message>
        <source>New checkpoint</source>
        <translation>新的权重文件</translation>
    </message>
    <message>
        <source>Keep the samples in</source>
        <translation>样本保存到</translation>
    </message>
    <message>
        <source>Run {0}: {1} verdicts that say what is there ({2} confirmed, {3} rejected, {4} given another class).</source>
        <translation>检测 {0}：{1} 个明确的判定结果（确认 {2}，否定 {3}，改判类别 {4}）。</translation>
    </message>
    <message>
        <source>There is nothing to learn from yet: review some candidates first.</source>
        <translation>尚无可供学习的判定结果，请先复核部分图斑。</translation>
    </message>
    <message>
        <source>That is few: the figures will hardly show whether the new checkpoint is better.</source>
        <translation>数量偏少：指标难以说明新的权重文件是否更好。</translation>
    </message>
    <message>
        <source>On held-out verdicts, %</source>
        <translation>留出的判定结果，%</translation>
    </message>
    <message>
        <source>Before training</source>
        <translation>训练前</translation>
    </message>
    <message>
        <source>After training</source>
        <translation>训练后</translation>
    </message>
    <message>
        <source>Difference</source>
        <translation>差值</translation>
    </message>
    <message>
        <source>F1 of change</source>
        <translation>变化 F1</translation>
    </message>
    <message>
        <source>Precision of change</source>
        <translation>变化精确率</translation>
    </message>
    <message>
        <source>Recall of change</source>
        <translation>变化召回率</translation>
    </message>
    <message>
        <source>IoU of change</source>
        <translation>变化 IoU</translation>
    </message>
    <message>
        <source>F1 of {0}</source>
        <translation>{0} F1</translation>
    </message>
    <message>
        <source>Trained on {0} samples for {1} steps ({2} s).</source>
        <translation>用 {0} 个样本训练了 {1} 步（{2} 秒）。</translation>
    </message>
    <message>
        <source>Too few samples to hold some out: whether it is better is not known.</source>
        <translation>样本太少，无法留出一部分：是否更好不得而知。</translation>
    </message>
    <message>
        <source>The figures are from {0} held-out samples with {1} verdicts, none of which it was trained on.</source>
        <translation>指标来自 {0} 个留出样本（含 {1} 个判定结果），均未参与训练。</translation>
    </message>
    <message>
        <source>That is not enough to tell whether it is better.</source>
        <translation>数量不足以判断是否更好。</translation>
    </message>
    <message>
        <source>It is better on them.</source>
        <translation>在这些样本上更好。</translation>
    </message>
    <message>
        <source>It is not better on them.</source>
        <translation>在这些样本上并不更好。</translation>
    </message>
    <message>
        <source>No units</source>
        <translation>无</translation>
    </message>
    <message>
        <source>Redraw</source>
        <translation>修改轮廓</translation>
    </message>
    <message>
        <source>Split</source>
        <translation>分割</translation>
    </message>
    <message>
        <source>Add missed</source>
        <translation>补绘遗漏</translation>
    </message>
    <message>
        <source>Merge with neighbour</source>
        <translation>与相邻图斑合并</translation>
    </message>
    <message>
        <source>Save outlines</source>
        <translation>保存轮廓</translation>
    </message>
    <message>
        <source>The candidates cannot be edited: their file is read-only.</source>
        <translation>图斑无法编辑：文件为只读。</translation>
    </message>
    <message>
        <source>The map holds no pixel with a result, so there is nothing to sample.</source>
        <translation>图上没有任何有结果的像元，无法抽样。</translation>
    </message>
    <message>
        <source>SChanger: data set of training (optional)</source>
        <translation>SChanger：训练所用数据集（可选）</translation>
    </message>
    <message>
        <source>Own prompts (optional)</source>
        <translation>自己的提示语（可选）</translation>
    </message>
    <message>
        <source>Water is black in near infrared.</source>
        <translation>近红外中水体呈黑色。</translation>
    </message>
    <message>
        <source>Values of before</source>
        <translation>前时相的取值</translation>
    </message>
    <message>
        <source>Values of after</source>
        <translation>后时相的取值</translation>
    </message>
    <message>
        <source>2:98%, or 0:3000</source>
        <translation>2:98%，或 0:3000</translation>
    </message>
    <message>
        <source>Which values become black and white; empty: 8-bit images as they are</source>
        <translation>哪些值变为黑和白；留空：8 位影像保持原样</translation>
    </message>
    <message>
        <source>Match them</source>
        <translation>匹配</translation>
    </message>
    <message>
        <source>Save as a file</source>
        <translation>保存为文件</translation>
    </message>
    <message>
        <source>FarmCD: save a web map</source>
        <translation>FarmCD：保存网络地图</translation>
    </message>
    <message>
        <source>as of before</source>
        <translation>与前时相相同</translation>
    </message>
    <message>
        <source>Those of after</source>
        <translation>后时相的波段</translation>
    </message>
    <message>
        <source>Treat as nodata</source>
        <translation>视为无数据</translation>
    </message>
    <message>
        <source>Correct it</source>
        <translation>校正</translation>
    </message>
    <message>
        <source>Red, green, blue</source>
        <translation>红、绿、蓝</translation>
    </message>
    <message>
        <source>as each image says</source>
        <translation>按各影像自述</translation>
    </message>
    <message>
        <source>Treat a constant fill as nodata</source>
        <translation>将固定填充值视为无数据</translation>
    </message>
    <message>
        <source>Black frames and the like that the file does not declare</source>
        <translation>文件未声明的黑边等</translation>
    </message>
    <message>
        <source>Correct a shift between the dates</source>
        <translation>校正两期之间的偏移</translation>
    </message>
    <message>
        <source>It is measured on several places, and told in the record</source>
        <translation>在多处测量，并写入记录</translation>
    </message>
    <message>
        <source>bands 1, 2, 3</source>
        <translation>波段 1、2、3</translation>
    </message>
    <message>
        <source>3, 2, 1: blue comes first</source>
        <translation>3、2、1：蓝波段在前</translation>
    </message>
    <message>
        <source>1, 4, 3: near infrared as green</source>
        <translation>1、4、3：近红外作绿色</translation>
    </message>
    <message>
        <source>3, 4, 1: blue first, infrared as green</source>
        <translation>3、4、1：蓝波段在前，近红外作绿色</translation>
    </message>
    <message>
        <source>Reads {0}.</source>
        <translation>读取波段：{0}。</translation>
    </message>
    <message>
        <source>Choose a run above to learn from its verdicts.</source>
        <translation>请在上方选择一次检测，以便从其判定中学习。</translation>
    </message>
    <message>
        <source>Detect</source>
        <translation>检测</translation>
    </message>
    <message>
        <source>FarmCD: count the verdicts</source>
        <translation>FarmCD：统计判定</translation>
    </message>
    <message>
        <source>Learn</source>
        <translation>学习</translation>
    </message>
    <message>
        <source>Open folder</source>
        <translation>打开文件夹</translation>
    </message>
    <message>
        <source>Open run…</source>
        <translation>打开检测结果…</translation>
    </message>
    <message>
        <source>Recent: {0}</source>
        <translation>最近：{0}</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>报告</translation>
    </message>
    <message>
        <source>Apple graphics</source>
        <translation>Apple 显卡</translation>
    </message>
    <message>
        <source>Asked for</source>
        <translation>输入</translation>
    </message>
    <message>
        <source>Automatic: the fastest that works</source>
        <translation>自动：可用设备中最快的</translation>
    </message>
    <message>
        <source>Candidates (GeoPackage)</source>
        <translation>图斑（GeoPackage）</translation>
    </message>
    <message>
        <source>Candidates (KML)</source>
        <translation>图斑（KML）</translation>
    </message>
    <message>
        <source>Candidates (Shapefile)</source>
        <translation>图斑（Shapefile）</translation>
    </message>
    <message>
        <source>Candidates to review</source>
        <translation>待复核图斑</translation>
    </message>
    <message>
        <source>Carry over the verdicts of an earlier run</source>
        <translation>沿用较早检测的复核结论</translation>
    </message>
    <message>
        <source>Chinese</source>
        <translation>中文</translation>
    </message>
    <message>
        <source>Compare two runs</source>
        <translation>比较两次检测</translation>
    </message>
    <message>
        <source>Compares the candidates of two runs of one area, by two checkpoints or of two periods, and says of each whether both runs found it, whether they give it another class or another outline, or whether only one found it. Where the other run did not look, nothing is said of it.

Two candidates have the same outline where the area that they share is at least the given share of the area that they cover together. A candidate of which less than a tenth lies in candidates of the other run was found by one run only. Classes are compared by their names; runs in different coordinate reference systems are brought to that of the second.</source>
        <translation>比较同一区域两次检测（不同权重文件或不同时段）的图斑，逐个说明：两次检测均有、类别不同、轮廓不同，或仅见于其中一次。另一次检测未覆盖之处不作判断。

两个图斑重叠面积占其合并面积达到给定比例时视为轮廓一致；与另一次检测图斑重叠不足十分之一的图斑视为仅见于一次检测。类别按名称比较；坐标系不同时转换到第二次检测的坐标系。</translation>
    </message>
    <message>
        <source>Comparison</source>
        <translation>比较结果</translation>
    </message>
    <message>
        <source>Counts</source>
        <translation>计数</translation>
    </message>
    <message>
        <source>Detection</source>
        <translation>检测</translation>
    </message>
    <message>
        <source>Earlier run, reviewed (folder)</source>
        <translation>较早的、已复核的检测（文件夹）</translation>
    </message>
    <message>
        <source>English</source>
        <translation>英文</translation>
    </message>
    <message>
        <source>First run (folder)</source>
        <translation>第一次检测（文件夹）</translation>
    </message>
    <message>
        <source>Found by both</source>
        <translation>两次检测均有</translation>
    </message>
    <message>
        <source>Found by both, another class</source>
        <translation>两次检测均有，类别不同</translation>
    </message>
    <message>
        <source>Found by both, another outline</source>
        <translation>两次检测均有，轮廓不同</translation>
    </message>
    <message>
        <source>Found by the first run only</source>
        <translation>仅见于第一次检测</translation>
    </message>
    <message>
        <source>Found by the second run only</source>
        <translation>仅见于第二次检测</translation>
    </message>
    <message>
        <source>Graphics card no. {0}</source>
        <translation>第 {0} 块显卡</translation>
    </message>
    <message>
        <source>Models</source>
        <translation>模型</translation>
    </message>
    <message>
        <source>NVIDIA or AMD graphics card</source>
        <translation>NVIDIA 或 AMD 显卡</translation>
    </message>
    <message>
        <source>Name in models and scripts</source>
        <translation>模型和脚本中的名称</translation>
    </message>
    <message>
        <source>Name the earlier run.</source>
        <translation>请指定较早的检测。</translation>
    </message>
    <message>
        <source>Processor (CPU)</source>
        <translation>处理器（CPU）</translation>
    </message>
    <message>
        <source>Puts only what is new up for review: where a candidate has the same outline and the same class as one of an earlier run that was confirmed, reclassified or rejected there, that verdict is carried over.

The outline is the same where the area that both share is at least the given share of the area that they cover together. What somebody has said already stays. Nothing is carried over from a run of another period.

Each verdict says in its note where it comes from; the run's record and its report count them. All are one step of the review, which undo takes back; 'Take back' does so at any later time.</source>
        <translation>只把新出现的图斑列入复核：若图斑与较早检测中已确认、改判或否定的图斑轮廓一致且类别相同，则沿用其结论。

重叠面积占合并面积达到给定比例时视为轮廓一致。已有的结论保持不变；不沿用其他时段检测的结论。

每条结论在备注中注明来源，检测记录和报告均予以计数。沿用为一个步骤，可撤销；此后任何时候也可用“撤回”取消。</translation>
    </message>
    <message>
        <source>Run to review (folder)</source>
        <translation>待复核的检测（文件夹）</translation>
    </message>
    <message>
        <source>Same outline from this share on (0–1)</source>
        <translation>轮廓一致的最低比例（0–1）</translation>
    </message>
    <message>
        <source>Second run (folder)</source>
        <translation>第二次检测（文件夹）</translation>
    </message>
    <message>
        <source>Take back all that was carried over</source>
        <translation>撤回全部沿用的结论</translation>
    </message>
    <message>
        <source>Usual value</source>
        <translation>默认值</translation>
    </message>
    <message>
        <source>Verdicts carried over</source>
        <translation>沿用的结论</translation>
    </message>
    <message>
        <source>What comes out</source>
        <translation>输出</translation>
    </message>
    <message>
        <source>Where the first run did not look</source>
        <translation>第一次检测未覆盖</translation>
    </message>
    <message>
        <source>Where the second run did not look</source>
        <translation>第二次检测未覆盖</translation>
    </message>
    <message>
        <source>difference,since last time,two checkpoints,new,gone</source>
        <translation>差异,比较,新增,消失,两次检测</translation>
    </message>
    <message>
        <source>may be left empty</source>
        <translation>可留空</translation>
    </message>
    <message>
        <source>must be given</source>
        <translation>必填</translation>
    </message>
    <message>
        <source>no</source>
        <translation>否</translation>
    </message>
    <message>
        <source>since last time,new,monitoring</source>
        <translation>沿用,新增,监测</translation>
    </message>
    <message>
        <source>the after raster</source>
        <translation>后时相栅格</translation>
    </message>
    <message>
        <source>the before raster</source>
        <translation>前时相栅格</translation>
    </message>
    <message>
        <source>yes</source>
        <translation>是</translation>
    </message>
    <message>
        <source>Carry the verdicts over</source>
        <translation>沿用结论</translation>
    </message>
    <message>
        <source>Choose two runs of one area.</source>
        <translation>请选择同一区域的两次检测。</translation>
    </message>
    <message>
        <source>Compare</source>
        <translation>比较</translation>
    </message>
    <message>
        <source>Compare two runs…</source>
        <translation>比较两次检测…</translation>
    </message>
    <message>
        <source>FarmCD: carry verdicts over</source>
        <translation>FarmCD：沿用结论</translation>
    </message>
    <message>
        <source>FarmCD: compare two runs</source>
        <translation>FarmCD：比较两次检测</translation>
    </message>
    <message>
        <source>First run</source>
        <translation>第一次检测</translation>
    </message>
    <message>
        <source>Review what is new</source>
        <translation>复核新增图斑</translation>
    </message>
    <message>
        <source>Same outline from</source>
        <translation>轮廓一致不低于</translation>
    </message>
    <message>
        <source>Second run</source>
        <translation>第二次检测</translation>
    </message>
    <message>
        <source>Since last time: what the review of the first run says is carried over to the candidates of the second that have the same class and outline, so that only what is new is left to review.</source>
        <translation>自上次以来：第二次检测中与第一次检测类别相同、轮廓一致的图斑沿用第一次的复核结论，只需复核新增图斑。</translation>
    </message>
    <message>
        <source>Take back</source>
        <translation>撤回</translation>
    </message>
    <message>
        <source>The area that two outlines share, by the area that they cover together</source>
        <translation>两个轮廓的重叠面积与合并面积之比</translation>
    </message>
    <message>
        <source>Who reviews?</source>
        <translation>复核人</translation>
    </message>
    <message>
        <source>Your name, which is kept with every verdict and stands in the report:</source>
        <translation>请输入姓名，将随每条结论保存并写入报告：</translation>
    </message>
    <message>
        <source>A project that is saved keeps its runs beside it.</source>
        <translation>已保存的项目，其检测结果存放在项目所在文件夹。</translation>
    </message>
    <message>
        <source>A run of the project before is finished: {0}.</source>
        <translation>在上一个项目中开始的检测已完成：{0}。</translation>
    </message>
    <message>
        <source>Check</source>
        <translation>检查</translation>
    </message>
    <message>
        <source>Choose Python…</source>
        <translation>选择 Python…</translation>
    </message>
    <message>
        <source>Copy</source>
        <translation>复制</translation>
    </message>
    <message>
        <source>Copy details</source>
        <translation>复制详细信息</translation>
    </message>
    <message>
        <source>FarmCD manual</source>
        <translation>FarmCD 使用手册</translation>
    </message>
    <message>
        <source>FarmCD: check a Python</source>
        <translation>FarmCD：检查 Python</translation>
    </message>
    <message>
        <source>Folder for runs</source>
        <translation>检测结果的存放文件夹</translation>
    </message>
    <message>
        <source>Forget it</source>
        <translation>不再提示</translation>
    </message>
    <message>
        <source>Go on</source>
        <translation>继续</translation>
    </message>
    <message>
        <source>Help (F1)</source>
        <translation>帮助 (F1)</translation>
    </message>
    <message>
        <source>Install…</source>
        <translation>安装…</translation>
    </message>
    <message>
        <source>Looking at the images</source>
        <translation>正在查看影像</translation>
    </message>
    <message>
        <source>Looking…</source>
        <translation>正在查找…</translation>
    </message>
    <message>
        <source>Manual</source>
        <translation>使用手册</translation>
    </message>
    <message>
        <source>Options…</source>
        <translation>选项…</translation>
    </message>
    <message>
        <source>Python of the engine</source>
        <translation>引擎所用的 Python</translation>
    </message>
    <message>
        <source>Ready: {versions}
{path}</source>
        <translation>可用：{versions}
{path}</translation>
    </message>
    <message>
        <source>Show it here</source>
        <translation>在此显示</translation>
    </message>
    <message>
        <source>The chosen Python cannot run the engine.</source>
        <translation>所选的 Python 无法运行引擎。</translation>
    </message>
    <message>
        <source>The engine is not installed yet.</source>
        <translation>引擎尚未安装。</translation>
    </message>
    <message>
        <source>choose a raster</source>
        <translation>请选择栅格</translation>
    </message>
    <message>
        <source>{0} h {1} min</source>
        <translation>{0} 小时 {1} 分钟</translation>
    </message>
    <message>
        <source>{0} min</source>
        <translation>{0} 分钟</translation>
    </message>
    <message>
        <source>{0} of {1} ha</source>
        <translation>{0} / {1} 公顷</translation>
    </message>
    <message>
        <source>{0} s</source>
        <translation>{0} 秒</translation>
    </message>
    <message>
        <source>{0}; about {1}</source>
        <translation>{0}；约 {1}</translation>
    </message>
    <message>
        <source>Remove run from project</source>
        <translation>从项目中移除</translation>
    </message>
    <message>
        <source>Review candidate {0}</source>
        <translation>复核图斑 {0}</translation>
    </message>
    <message>
        <source>Review this</source>
        <translation>复核此结果</translation>
    </message>
    <message>
        <source>Administrative unit that it is about</source>
        <translation>报告所涉行政区</translation>
    </message>
    <message>
        <source>Area</source>
        <translation>行政区</translation>
    </message>
    <message>
        <source>County or town that the report is about</source>
        <translation>报告所涉县（市、区）或乡镇</translation>
    </message>
    <message>
        <source>Number</source>
        <translation>编号</translation>
    </message>
    <message>
        <source>Number of the report (empty: day and run)</source>
        <translation>报告编号（空：日期加检测编号）</translation>
    </message>
    <message>
        <source>of the day and the run</source>
        <translation>按日期和检测编号</translation>
    </message>
    <message>
        <source>The review has gone on: the preview is drawn anew.</source>
        <translation>复核有新进展：正在重绘预览。</translation>
    </message>
    <message>
        <source>* The judged points are all alike there, so that they tell of no interval.</source>
        <translation>* 该处样点判读结果完全一致，无法给出置信区间。</translation>
    </message>
    <message>
        <source>Expected right</source>
        <translation>预期正确率</translation>
    </message>
    <message>
        <source>Expected right: of the area that the map gives to a class, the share that you think is right. It only decides how many points are drawn.</source>
        <translation>预期正确率：您认为分类图中某类面积里正确的比例，仅用于确定样点数量。</translation>
    </message>
    <message>
        <source>More than the {wanted} % asked for: that number of points would suffice if each class got them by its area and its spread, but rare classes get the minimum, which the large ones give up. {needed} points would reach it.</source>
        <translation>高于要求的 {wanted} %：若各类按面积和离散程度分配，该样点数足够；但稀少类别须达到最低点数，由大类让出。要达到要求需 {needed} 个样点。</translation>
    </message>
    <message>
        <source>No missed pixel was met of: {classes}. How many there are for all that is not known.</source>
        <translation>样点中未遇到漏判的类别：{classes}；实际漏判多少无从得知。</translation>
    </message>
    <message>
        <source>Compare with another run…</source>
        <translation>与另一次检测比较…</translation>
    </message>
    <message>
        <source>FarmCD: detect changes (what is finished stays, and can go on another time)</source>
        <translation>FarmCD：检测变化（已完成的部分会保留，以后可继续）</translation>
    </message>
    <message>
        <source>The run {0} was not finished.</source>
        <translation>检测 {0} 尚未完成。</translation>
    </message>
    <message>
        <source>Conflict (dash-dotted)</source>
        <translation>意见不一（点划线）</translation>
    </message>
    <message>
        <source>FarmCD: train with verdicts (nothing is kept of a training that is stopped)</source>
        <translation>FarmCD：用判定结果训练（中止后不保留任何结果）</translation>
    </message>
    <message>
        <source>Largest first</source>
        <translation>面积大的优先</translation>
    </message>
    <message>
        <source>Pseudo-change (dashed)</source>
        <translation>伪变化（虚线）</translation>
    </message>
    <message>
        <source>{0} candidates ({1} ha)</source>
        <translation>{0} 个图斑（{1} 公顷）</translation>
    </message>
</context>
</TS>
